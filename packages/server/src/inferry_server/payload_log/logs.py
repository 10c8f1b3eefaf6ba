"""The payload logs of a server's models, by name."""

from __future__ import annotations

import asyncio
import logging
from time import time_ns
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferry_server.payload_log.checks import HTTP
from inferry_server.payload_log.messages import (
    OVERHEAD,
    SECRETS,
    Message,
    Origin,
    metadata_of,
)
from inferry_server.payload_log.outbox import Counts, Outbox, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inferry_server.calls import Call
    from inferry_server.payload_log.messages import Kind
    from inferry_server.payload_log.outbox import Sink
    from inferry_server.states import ModelSpec, PayloadLog

logger = logging.getLogger(__name__)

JSON = "application/json"
#: The messages of gRPC as they are.
PROTOBUF = "application/x-protobuf"
#: What an outbox has to send when its model is replaced or goes.
_GOODBYE = 5.0


class PayloadLogs:
    """Copies bodies of the models in ``active`` and sends them on.

    A lane asks ``active`` before all else: where it is empty nothing is done.
    """

    def __init__(self) -> None:
        self.active: dict[str, _ModelLog] = {}
        self._counts: dict[str, Counts] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def serve(self, spec: ModelSpec) -> None:
        """Begin, change or end the log of the model *spec*."""
        now = self.active.get(spec.name)
        if now is not None and now.spec == spec:
            return
        self.forget(spec.name)
        if spec.payload_log is not None:
            counts = self._counts.setdefault(spec.name, Counts())
            self.active[spec.name] = _ModelLog(spec, spec.payload_log, counts)

    def forget(self, name: str) -> None:
        """End the log of the model *name*, which sends what it has."""
        log = self.active.pop(name, None)
        if log is not None:
            task = asyncio.get_running_loop().create_task(log.outbox.close(_GOODBYE))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def request(
        self,
        call: Call,
        model: str,
        body: bytes | memoryview,
        content_type: str = "",
    ) -> None:
        """Copy the *body* of a request, where the log of *model* wants it."""
        log = self.active.get(model)
        if log is not None and log.wants_requests:
            headers = call.headers
            log.copy(
                "request",
                call,
                (body,),
                content_type or headers.get("content-type", JSON),
                headers.get("inference-header-content-length", ""),
            )

    def response(
        self,
        call: Call,
        model: str,
        parts: Sequence[bytes | memoryview],
        content_type: str = JSON,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Copy the body of a good response, where the log of *model* wants it."""
        log = self.active.get(model)
        if log is not None and log.wants_responses:
            length = dict(headers).get(b"inference-header-content-length", b"")
            log.copy("response", call, parts, content_type, length.decode())

    def counts(self) -> Iterator[tuple[str, Counts, int]]:
        """Yield each model that has or had a log, its counts, and what waits."""
        for name, counts in self._counts.items():
            log = self.active.get(name)
            if log is not None:
                log.outbox.gather()
            yield name, counts, 0 if log is None else log.outbox.waiting_bytes

    async def close(self, patience: float) -> None:
        """Send what waits, within *patience* seconds."""
        outboxes = [log.outbox for log in self.active.values()]
        self.active.clear()
        await asyncio.gather(
            *(outbox.close(patience) for outbox in outboxes), *self._closing
        )


class _ModelLog:
    """The log of one model."""

    def __init__(self, spec: ModelSpec, log: PayloadLog, counts: Counts) -> None:
        self.spec = spec
        self.wants_requests = log.mode in ("all", "request")
        self.wants_responses = log.mode in ("all", "response")
        self._wanted = log.metadata_headers
        secret = sorted(SECRETS.intersection(name.lower() for name in self._wanted))
        if secret:
            logger.warning(
                "the payload log of model %s leaves out %s, which hold secrets",
                spec.name,
                ", ".join(secret),
            )
        origin = Origin.of(spec, log)
        sink, at_once = _sink(log, origin)
        rules = Rules(
            max_bytes=log.max_bytes,
            batch_size=log.batch_size,
            batch_interval=log.batch_interval,
            at_once=at_once,
        )
        self.outbox = Outbox(spec.name, sink, rules, counts)

    def copy(
        self,
        kind: Kind,
        call: Call,
        parts: Sequence[bytes | memoryview],
        content_type: str,
        json_length: str,
    ) -> None:
        # The model may write into the memory of its inputs, and use that of its
        # outputs again, so what is kept is a copy.
        if self.outbox.has_room(sum(map(len, parts)) + OVERHEAD):
            self.outbox.put(
                Message(
                    kind=kind,
                    id=_id(call),
                    time=time_ns(),
                    body=b"".join(parts),
                    content_type=content_type,
                    json_length=json_length,
                    metadata=self._metadata(call.headers),
                )
            )

    def _metadata(self, headers: Mapping[str, str]) -> dict[str, list[str]]:
        return metadata_of(headers, self._wanted) if self._wanted else {}


def _id(call: Call) -> str:
    return call.headers.get("ce-id", "")[:128] or call.identify()


def _sink(log: PayloadLog, origin: Origin) -> tuple[Sink, int]:
    """Return the sink of *log*, and how many messages it takes as they come."""
    scheme = urlsplit(log.url).scheme
    if scheme in HTTP:
        from inferry_server.payload_log.http_sink import AT_ONCE, HttpSink

        return HttpSink(log.url, origin), AT_ONCE
    from inferry_server.payload_log.store_sink import FolderSink, StoreSink

    return FolderSink(log, origin) if scheme == "file" else StoreSink(log, origin), 0
