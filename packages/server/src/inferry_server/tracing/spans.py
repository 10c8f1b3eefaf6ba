"""A span per request, with spans for its wait and the model's work below it.

Names and attributes are OpenTelemetry's semantic conventions for HTTP and RPC servers,
and ``inferry.`` ones beside them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from inferry_server.request_log import GRPC_SERVICE, asked
from inferry_server.workers import in_thread

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from contextvars import Context

    from inferry_server.calls import Call
    from inferry_server.live_settings import TraceSettings

#: The first status that is the server's fault; what clients do wrong is no error of it.
_FAULT = 500


class Tracing:
    """Traces those calls of a server that *settings* want, with spans of *provider*."""

    def __init__(self, provider: trace.TracerProvider, settings: TraceSettings) -> None:
        self._provider = provider
        self._settings = settings
        self._tracer = provider.get_tracer("inferry_server")

    def began(self, call: Call) -> None:
        """Begin the span of *call*, a child of the one that its headers name."""
        if not self._settings.wants(getattr(call.target, "model", "")):
            return
        offset = time_ns() - perf_counter_ns()
        what = asked(call)
        span = self._tracer.start_span(
            f"{what.method} {what.template}".strip().removeprefix("/"),
            context=propagate.extract(call.headers),
            kind=SpanKind.SERVER,
            attributes=_asked(call),
            start_time=offset + call.arrived,
        )
        call.trace = CallTrace(self._tracer, span, offset)
        if call.context is not None:
            call.context.run(contexts.attach, trace.set_span_in_context(span))

    def ended(
        self, call: Call, model: str, code: int, *, received: int, sent: int
    ) -> None:
        """End the span of *call*."""
        tracked: CallTrace | None = call.trace
        if tracked is None:
            return
        if tracked.span.is_recording():
            tracked.span.set_attributes(
                {
                    "inferry.model.name": model,
                    "inferry.request.bytes": received,
                    "inferry.response.bytes": sent,
                    **_answered(call, code),
                }
            )
            if call.id:
                tracked.span.set_attribute("inferry.request.id", call.id)
            if code >= _FAULT:
                tracked.span.set_attribute("error.type", str(code))
                tracked.span.set_status(Status(StatusCode.ERROR))
        tracked.end(call)

    async def close(self, patience: float) -> None:
        """Send what is not yet exported, within *patience* seconds."""
        flush = getattr(self._provider, "force_flush", None)
        if flush is not None:
            # The SDK's own limit holds for each try, not for all of them together.
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await in_thread("inferry-traces", flush, int(patience * 1000))


class CallTrace:
    """The spans of one call; *offset* turns its stations into times since 1970."""

    __slots__ = ("_model", "_offset", "_tracer", "span")

    def __init__(self, tracer: trace.Tracer, span: trace.Span, offset: int) -> None:
        self.span = span
        self._tracer = tracer
        self._offset = offset
        self._model: trace.Span | None = None

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the span, as logs show them."""
        context = self.span.get_span_context()
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    def enter(self, call: Call) -> Context | None:
        """Return the context in which spans of the model become children of ours."""
        if call.context is None:
            return None
        context = call.context.copy()
        if self.span.is_recording():
            if self._model is None:
                self._model = self._child("predict", call.started or perf_counter_ns())
            context.run(contexts.attach, trace.set_span_in_context(self._model))
        return context

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add what names the current span to *headers* of a request to a third."""
        propagate.inject(headers)

    def end(self, call: Call) -> None:
        """End all spans, those of stations that are known only now included."""
        now = perf_counter_ns()
        if self.span.is_recording() and call.queued:
            wait = self._child("batch" if call.batch else "queue", call.queued)
            wait.end(self._offset + (call.started or now))
        if self.span.is_recording() and call.started:
            model = self._model or self._child("predict", call.started)
            if call.explains:
                model.update_name("explain")
            model.set_attribute("inferry.batch.size", call.batch or call.rows)
            model.end(self._offset + (call.ended or now))
        self.span.end(self._offset + now)

    def _child(self, name: str, began: int) -> trace.Span:
        return self._tracer.start_span(
            name,
            context=trace.set_span_in_context(self.span),
            start_time=self._offset + began,
        )


def _asked(call: Call) -> dict[str, Any]:
    what = asked(call)
    if what.method:
        return {
            "http.request.method": what.method,
            "http.route": what.template,
            "url.path": what.path,
            "url.scheme": "http",
            "user_agent.original": call.headers.get("user-agent", ""),
        }
    return {
        "rpc.system": "grpc",
        "rpc.service": GRPC_SERVICE,
        "rpc.method": what.path.rpartition("/")[2],
    }


def _answered(call: Call, code: int) -> dict[str, Any]:
    if call.protocol != "grpc":
        return {"http.response.status_code": code}
    from inferry_server.grpc.errors import CODES

    return {"rpc.grpc.status_code": CODES[code].value[0] if code in CODES else 0}
