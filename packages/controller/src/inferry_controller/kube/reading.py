"""The calls of the Kubernetes API that change nothing: get, list, watch, logs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from inferry_controller.kube.documents import decoded, document, paged
from inferry_controller.kube.errors import NotFound, Unavailable
from inferry_controller.kube.kinds import EVENT_V1, POD
from inferry_controller.kube.transport import TOTAL, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from inferry_controller.kube.documents import Documents, Page
    from inferry_controller.kube.kinds import Kind

#: Objects of one page of a list.
PAGE = 500
#: Bytes of one event of a watch; etcd keeps 1.5 MB of an object.
LONGEST_LINE = 32 << 20
#: Seconds without a byte after which a watch is given up; bookmarks come every 60 s.
SILENCE = 150.0
_METADATA = "application/json;as=PartialObjectMetadata{0};g=meta.k8s.io;v=v1"


class Reader:
    """Reads from one API server; `client.Client` writes, too."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        #: Held by who decodes a page, which takes longer than one turn of the loop.
        self.decoding = asyncio.Lock()

    async def get(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        subresource: str = "",
        within: float | None = None,
    ) -> dict[str, Any]:
        """Return one object; *within* as for `replace`."""
        body = await self.transport.call(
            "GET",
            kind.path(namespace, name, subresource),
            what=about("get", kind, namespace, name),
            timeout=TOTAL if within is None else within,
            urgent=within is not None,
        )
        return decoded(body)

    async def find(
        self, kind: Kind, namespace: str, name: str
    ) -> dict[str, Any] | None:
        """Return one object, or None where there is none."""
        try:
            return await self.get(kind, namespace, name)
        except NotFound:
            return None

    async def page(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        selector: str = "",
        fields: str = "",
        token: str = "",
        limit: int = PAGE,
        metadata_only: bool = False,
    ) -> Page:
        """Return one page of a list; *token* is where the page before ended."""
        asked = selected(
            labelSelector=selector,
            fieldSelector=fields,
            limit=str(limit) if limit else "",
            **{"continue": token},
        )
        body = await self.transport.call(
            "GET",
            kind.path(namespace),
            what=about("list", kind, namespace),
            query=asked,
            accept=_METADATA.format("List") if metadata_only else "application/json",
        )
        return paged(body)

    async def list(
        self, kind: Kind, namespace: str = "", *, selector: str = "", fields: str = ""
    ) -> Documents:
        """Return all objects of a kind, of one namespace or of all.

        Each has its ``apiVersion`` and ``kind``, which servers leave out.
        """
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = await self.page(
                kind, namespace, selector=selector, fields=fields, token=token
            )
            found += [document(kind, raw) for raw in page.items]
            token = page.metadata.continue_
            if not token:
                return found

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        version: str = "",
        selector: str = "",
        fields: str = "",
        seconds: int = 300,
        metadata_only: bool = False,
        silence: float = SILENCE,
    ) -> AsyncGenerator[bytes]:
        """Yield each event after *version* as a line of JSON, bookmarks among them.

        It ends when the server ends it, which it does after *seconds*.
        """
        asked = selected(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=version,
            labelSelector=selector,
            fieldSelector=fields,
            timeoutSeconds=str(seconds),
        )
        async with self.transport.stream(
            kind.path(namespace),
            what=about("watch", kind, namespace),
            query=asked,
            total=seconds + 30.0,
            silence=silence,
            accept=_METADATA.format("") if metadata_only else "application/json",
        ) as content:
            rest = b""
            async for chunk in content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield line
                if len(rest) > LONGEST_LINE:
                    message = f"an event of {kind} is longer than {LONGEST_LINE} bytes"
                    raise Unavailable(message, reason="TooLong")

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        previous: bool = False,
        tail: int | None = None,
        follow: bool = False,
        timestamps: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[bytes]:
        """Yield what a container wrote, as it comes; *limit* is in bytes."""
        asked = selected(
            container=container,
            previous="true" if previous else "",
            tailLines="" if tail is None else str(tail),
            follow="true" if follow else "",
            timestamps="true" if timestamps else "",
            limitBytes="" if limit is None else str(limit),
        )
        async with self.transport.stream(
            POD.path(namespace, pod, "log"),
            what=about("read the log of", POD, namespace, pod),
            query=asked,
            total=None if follow else TOTAL,
            silence=3600.0 if follow else TOTAL,
            accept="*/*",
        ) as content:
            async for chunk in content.iter_any():
                yield chunk

    async def events(
        self, namespace: str, *, uid: str = "", name: str = "", kind: str = ""
    ) -> Documents:
        """Return the events about one object, as core/v1 has them."""
        pairs = {"uid": uid, "name": name, "kind": kind}
        fields = ",".join(f"involvedObject.{k}={v}" for k, v in pairs.items() if v)
        return await self.list(EVENT_V1, namespace, fields=fields)


def about(verb: str, kind: Kind, namespace: str = "", name: str = "") -> str:
    """Return the beginning of what an error says of a call."""
    where = f" {name}" if name else ""
    if namespace:
        where = f" {namespace}/{name}" if name else f" in {namespace}"
    return f"cannot {verb} {kind}{where}"


def selected(**pairs: str) -> dict[str, str]:
    """Return the parameters of a query that are not empty."""
    return {key: value for key, value in pairs.items() if value}
