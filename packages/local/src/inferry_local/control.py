"""The control socket of a running instance: what `inferry apply` and the rest talk to.

HTTP over a unix socket that only its owner can open::

    GET    /v1/instance
    GET    /v1/services?namespace=&name=
    POST   /v1/apply     {"documents": [{"file": ..., "document": {...}}]}
    DELETE /v1/services/{namespace}/{name}
    DELETE /v1/models/{namespace}/{name}            a TrainedModel
    GET    /v1/services/{namespace}/{name}/logs?follow=1&tail=10    a stream of lines
    GET    /v1/watch?namespace=                                     a stream of statuses
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from inferry.api import loads
from inferry.errors import BackendError, InferryError, InvalidDocument
from inferry_local import _wire
from inferry_local._instances import alive, socket_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from inferry.api import Document
    from inferry.backends import Applied, ServiceStatus
    from inferry_local._wire import Request

_log = logging.getLogger(__name__)
_MAX_CONNECTIONS = 64
_OK, _BAD, _FORBIDDEN, _UNKNOWN, _INVALID, _FAILED = 200, 400, 403, 404, 422, 500


class Controlled(Protocol):
    """What the socket needs of a supervisor."""

    async def apply(self, documents: Sequence[Document]) -> list[Applied]:
        """Roll the documents out in the background."""

    async def delete(self, namespace: str, name: str) -> Applied:
        """Remove one service."""

    async def delete_model(self, namespace: str, name: str) -> Applied:
        """Remove one TrainedModel."""

    def status(
        self, namespace: str | None = None, name: str | None = None
    ) -> list[ServiceStatus]:
        """Return the services."""

    def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield log lines."""

    def changes(self) -> AsyncIterator[ServiceStatus]:
        """Yield a status whenever one changes."""


class ControlServer:
    """Serves one supervisor's verbs on the socket of its port."""

    def __init__(self, supervisor: Controlled, facts: Mapping[str, Any]) -> None:
        self._supervisor = supervisor
        self._facts = dict(facts)
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> Path:
        """Listen on the socket for *port*, and return its path.

        Raises:
            BackendError: Another instance has it, or the folder cannot be used.

        """
        path = socket_path(port)
        if alive(path):
            msg = f"another `inferry run` serves port {port}"
            raise BackendError(msg, remedy="choose another with --port")
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(
            self._accept, path=path, limit=_wire.MAX_HEAD
        )
        path.chmod(0o600)
        self._path = path
        return path

    async def stop(self) -> None:
        """Stop listening, end open streams and remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= _MAX_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, _wire.BadMessage) as error:
            _log.debug("control connection ended: %s", error)
        except asyncio.CancelledError:
            # `stop` ends streams this way; asyncio would log the cancelled callback.
            _log.debug("control connection cancelled")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not _same_user(writer.get_extra_info("socket")):
            return await _answer(
                writer, _FORBIDDEN, {"error": "this is another user's"}
            )
        try:
            request = await _wire.read_request(reader)
        except _wire.BadMessage as error:
            return await _answer(writer, _BAD, {"error": str(error)})
        stream = self._stream(request)
        if stream is not None:
            return await _send_stream(reader, writer, stream)
        return await _answer(writer, *await self._result(request))

    async def _result(self, request: Request) -> tuple[int, Any]:
        try:
            done = await self._perform(request)
        except InvalidDocument as error:
            return _INVALID, _error(error) | {"problems": error.problems}
        except InferryError as error:
            return _BAD, _error(error)
        except Exception:  # noqa: BLE001 - one bad request must not end the run
            _log.exception("control request %s %s", request.method, request.path)
            return _FAILED, {"error": "the running instance failed; see its log"}
        if done is None:
            return _UNKNOWN, {
                "error": "the running instance does not know this request"
            }
        return _OK, done

    async def _perform(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Do what *request* asks; None for what there is not."""
        match request.method, *request.path:
            case "GET", "v1", "instance":
                return self._facts
            case "GET", "v1", "services":
                ask = request.query.get
                return self._supervisor.status(ask("namespace"), ask("name"))
            case "POST", "v1", "apply":
                return await self._supervisor.apply(_documents(request.body))
            case "DELETE", "v1", "services", namespace, name:
                return await self._supervisor.delete(namespace, name)
            case "DELETE", "v1", "models", namespace, name:
                return await self._supervisor.delete_model(namespace, name)
        return None

    def _stream(self, request: Request) -> AsyncIterator[dict[str, Any]] | None:
        match request.method, *request.path:
            case "GET", "v1", "services", namespace, name, "logs":
                return self._logs(namespace, name, request.query)
            case "GET", "v1", "watch":
                return self._watch(request.query.get("namespace"))
        return None

    async def _logs(
        self, namespace: str, name: str, query: Mapping[str, str]
    ) -> AsyncIterator[dict[str, Any]]:
        tail = int(query["tail"]) if query.get("tail", "").isdecimal() else None
        follow = query.get("follow") == "1"
        lines = self._supervisor.logs(namespace, name, follow=follow, tail=tail)
        async for line in lines:
            yield {"line": line}

    async def _watch(self, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        async for status in self._supervisor.changes():
            if namespace is None or status.namespace == namespace:
                yield {"status": msgspec.to_builtins(status)}


def _documents(body: Any) -> list[Document]:  # noqa: ANN401 - any JSON
    """Validate what a client sent once more: the socket trusts nobody's validation."""
    items = body.get("documents") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
        msg = "apply needs a list of documents"
        raise InvalidDocument(msg)
    documents: list[Document] = []
    for item in items:
        text = json.dumps(item.get("document"))
        loaded = loads(text, file=str(item.get("file", "")))
        loaded.raise_for_problems()
        documents += (located.document for located in loaded.documents)
    return documents


def _error(error: InferryError) -> dict[str, Any]:
    return {"error": error.message, "remedy": error.remedy}


async def _answer(writer: asyncio.StreamWriter, status: int, body: object) -> None:
    writer.write(_wire.head_bytes(status) + msgspec.json.encode(body))
    await writer.drain()


async def _send_stream(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    stream: AsyncIterator[dict[str, Any]],
) -> None:
    """Send the lines until the stream ends or the client goes away."""
    writer.write(_wire.head_bytes(_OK, stream=True))
    await writer.drain()
    sending = asyncio.create_task(_send_lines(writer, stream))
    leaving = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send_lines(
    writer: asyncio.StreamWriter, stream: AsyncIterator[dict[str, Any]]
) -> None:
    try:
        async for item in stream:
            writer.write(msgspec.json.encode(item) + b"\n")
            await writer.drain()
        last: dict[str, Any] = _wire.END
    except InferryError as error:
        last = _error(error)
    writer.write(msgspec.json.encode(last) + b"\n")
    await writer.drain()


def _same_user(peer: socket.socket) -> bool:
    """Say whether the peer runs as this user; the socket's mode says so elsewhere."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = struct.calcsize("3i")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
