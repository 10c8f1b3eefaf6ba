"""``get`` and ``watch``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from inferry_controller.backend._statuses import service_status
from inferry_controller.kube.documents import document
from inferry_controller.kube.errors import Gone, Unavailable
from inferry_controller.kube.kinds import INFERENCE_SERVICE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.backends import ServiceStatus
    from inferry_controller.kube.client import Client

#: The code of the event that says that a version is too old to go on from.
_GONE = 410
_PAUSE = 1.0


async def services(
    client: Client, namespace: str | None, name: str | None
) -> list[ServiceStatus]:
    """Return one service, or all of a namespace or of the cluster."""
    if namespace is not None and name is not None:
        found = await client.find(INFERENCE_SERVICE, namespace, name)
        return [service_status(found)] if found else []
    objects = await client.list(INFERENCE_SERVICE, namespace or "")
    return [
        service_status(each)
        for each in objects
        if name is None or each["metadata"]["name"] == name
    ]


async def changes(
    client: Client, namespace: str | None
) -> AsyncIterator[ServiceStatus]:
    """Yield every service, then each that changes, whatever breaks in between."""
    where = namespace or ""
    while True:
        page = await client.page(INFERENCE_SERVICE, where, limit=0)
        for raw in page.items:
            yield service_status(document(INFERENCE_SERVICE, raw))
        try:
            async for each in _watched(client, where, page.metadata.resource_version):
                yield each
        except (Gone, Unavailable):
            await asyncio.sleep(_PAUSE)


async def _watched(
    client: Client, namespace: str, version: str
) -> AsyncIterator[ServiceStatus]:
    while True:
        async for line in client.watch(INFERENCE_SERVICE, namespace, version=version):
            event = orjson.loads(line)
            obj = event.get("object") or {}
            if event.get("type") == "ERROR":
                message = str(obj.get("message") or "the watch ended")
                raise Gone(message, status=int(obj.get("code") or _GONE))
            version = obj["metadata"]["resourceVersion"]
            if event.get("type") in {"ADDED", "MODIFIED"}:
                yield service_status(obj)
