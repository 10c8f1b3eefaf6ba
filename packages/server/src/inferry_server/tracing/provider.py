"""The provider of spans, as the standard ``OTEL_`` variables configure it."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from inferry.errors import SettingsError
from inferry_server.tracing import INSTALL

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_EXPORTERS = "opentelemetry_traces_exporter"
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_UNNAMED = "unknown_service"


def provider() -> trace.TracerProvider:
    """Return the provider of this process, made and exporting if there was none.

    It is the global one, so that spans of user code go the same way.

    Raises:
        SettingsError: No exporter of the name that is asked for.

    """
    now = trace.get_tracer_provider()
    if not isinstance(now, trace.ProxyTracerProvider):
        return now
    made = TracerProvider(resource=_resource())
    for name in _wanted():
        exporter: SpanExporter = _exporter_class(name)()
        made.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(made)
    return made


def _resource() -> Resource:
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, _UNNAMED)).startswith(_UNNAMED):
        return resource.merge(Resource({SERVICE_NAME: "inferry-server"}))
    return resource


def _wanted() -> list[str]:
    text = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    names = [name.strip() for name in text.split(",")]
    return [name for name in names if name not in ("", "none")]


def _exporter_class(name: str) -> Any:  # noqa: ANN401 - a class made without arguments
    if name == "otlp":
        protocol = (
            os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or "http/protobuf"
        )
        name = _OTLP.get(protocol, protocol)
    found = list(entry_points(group=_EXPORTERS, name=name))
    if not found:
        known = sorted({point.name for point in entry_points(group=_EXPORTERS)})
        raise SettingsError(
            f"there is no exporter of traces {name!r} here, only "
            f"{', '.join(known) or 'none at all'}: set OTEL_TRACES_EXPORTER to one of "
            f"them, or install what has it; {INSTALL} has otlp over HTTP"
        )
    return found[0].load()
