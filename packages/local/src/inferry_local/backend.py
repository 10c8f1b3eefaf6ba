"""`LocalBackend`: the verbs, sent to the `inferry run` that is running.

Light on purpose: neither Ray nor the supervisor is imported.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from inferry.backends import Applied, ServiceStatus
from inferry.errors import BackendError, InvalidDocument
from inferry_local import _wire
from inferry_local._instances import instances

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from inferry_local._instances import Instance

_OK, _INVALID = 200, 422


class LocalBackend:
    """Talks to the running instance: the only one, or the one on *port*."""

    def __init__(self, port: int | None = None) -> None:
        self._port = port

    async def apply(self, paths: Sequence[Path]) -> list[Applied]:
        """Validate all files, then make what they say true.

        Raises:
            InvalidDocument: With every problem of every file.
            BackendError: Nothing is running, or it cannot do this.

        """
        documents = await asyncio.to_thread(_documents, paths)
        answer = await self._call("POST", "/v1/apply", {"documents": documents})
        return msgspec.convert(answer, list[Applied])

    async def get(self, namespace: str | None, name: str | None) -> list[ServiceStatus]:
        """Return the services."""
        query = _query(namespace=namespace, name=name)
        answer = await self._call("GET", f"/v1/services{query}")
        return msgspec.convert(answer, list[ServiceStatus])

    async def delete(self, namespace: str, name: str) -> Applied:
        """Remove one service."""
        answer = await self._call("DELETE", _service(namespace, name))
        return msgspec.convert(answer, Applied)

    async def delete_model(self, namespace: str, name: str) -> Applied:
        """Remove one TrainedModel."""
        target = f"/v1/models/{quote(namespace, safe='')}/{quote(name, safe='')}"
        return msgspec.convert(await self._call("DELETE", target), Applied)

    async def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield log lines."""
        query = _query(
            follow="1" if follow else None, tail=None if tail is None else str(tail)
        )
        async for item in self._lines(f"{_service(namespace, name)}/logs{query}"):
            yield str(item["line"])

    async def watch(self, namespace: str | None) -> AsyncIterator[ServiceStatus]:
        """Yield a status whenever one changes."""
        async for item in self._lines(f"/v1/watch{_query(namespace=namespace)}"):
            yield msgspec.convert(item["status"], ServiceStatus)

    async def instance(self) -> dict[str, Any]:
        """Return what the running instance says of itself: pid, url, targets."""
        answer = await self._call("GET", "/v1/instance")
        return dict(answer)

    async def _call(self, method: str, target: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        async with self._asked(method, target, body) as reader:
            return json.loads(await reader.read())

    async def _lines(self, target: str) -> AsyncIterator[dict[str, Any]]:
        async with self._asked("GET", target) as reader:
            while line := await reader.readline():
                item = json.loads(line)
                if item == _wire.END:
                    return
                if "error" in item:
                    raise _raised(_OK, item)
                yield item
        msg = "the running instance went away"
        raise BackendError(msg, remedy="`inferry run` starts it again")

    @asynccontextmanager
    async def _asked(
        self, method: str, target: str, body: object = None
    ) -> AsyncIterator[asyncio.StreamReader]:
        """Send one request; the reader then stands at the body of a good answer."""
        instance = self._instance()
        try:
            reader, writer = await asyncio.open_unix_connection(
                instance.path, limit=_wire.MAX_LINE
            )
        except OSError as error:
            raise _gone(instance, error) from None
        try:
            writer.write(_wire.request_bytes(method, target, body))
            await writer.drain()
            status = await _wire.read_status(reader)
            if status != _OK:
                raise _raised(status, json.loads(await reader.read()))
            yield reader
        except (OSError, ValueError, _wire.BadMessage) as error:
            raise _gone(instance, error) from None
        finally:
            writer.close()

    def _instance(self) -> Instance:
        found = instances()
        if self._port is not None:
            found = [instance for instance in found if instance.port == self._port]
        if not found:
            where = "" if self._port is None else f" on port {self._port}"
            msg = f"nothing is running{where}"
            raise BackendError(msg, remedy="start it with `inferry run service.yaml`")
        if len(found) > 1:
            ports = ", ".join(str(instance.port) for instance in found)
            msg = f"several instances are running, on the ports {ports}"
            raise BackendError(msg, remedy="choose one with --port or INFERRY_PORT")
        return found[0]


def _documents(paths: Sequence[Path]) -> list[dict[str, Any]]:
    from inferry.api import load, to_dict
    from inferry_local._anchors import anchored_document

    loaded = load(paths)
    loaded.raise_for_problems()
    return [
        {
            "file": located.origin.file,
            "document": to_dict(anchored_document(located)),
        }
        for located in loaded.documents
    ]


def _service(namespace: str, name: str) -> str:
    return f"/v1/services/{quote(namespace, safe='')}/{quote(name, safe='')}"


def _query(**values: str | None) -> str:
    given = {key: value for key, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _raised(status: int, body: dict[str, Any]) -> Exception:
    message = str(body.get("error", "the running instance refused"))
    if status == _INVALID:
        return InvalidDocument(message, problems=tuple(body.get("problems", ())))
    return BackendError(message, remedy=str(body.get("remedy", "")))


def _gone(instance: Instance, error: Exception) -> BackendError:
    msg = f"the instance on port {instance.port} cannot be reached: {error}"
    return BackendError(msg, remedy="is it still running? `inferry get` asks again")
