"""The verbs of the Kubernetes API on plain documents.

```python
async with Client.connect() as client:
    service = await client.get(INFERENCE_SERVICE, "default", "iris")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import orjson

from inferry_controller.kube.access import Access
from inferry_controller.kube.documents import decoded, document, paged
from inferry_controller.kube.errors import NotFound, Unavailable
from inferry_controller.kube.kinds import EVENT_V1, POD, kind_of
from inferry_controller.kube.transport import TOTAL, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from inferry_controller.kube.documents import Change, Documents, Page
    from inferry_controller.kube.kinds import Kind

#: Objects of one page of a list.
PAGE = 500
#: Bytes of one event of a watch; etcd keeps 1.5 MB of an object.
LONGEST_LINE = 32 << 20
#: Seconds without a byte after which a watch is given up; bookmarks come every 60 s.
SILENCE = 150.0
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_METADATA = "application/json;as=PartialObjectMetadata{0};g=meta.k8s.io;v=v1"


class Client:
    """Calls one API server; open it with ``async with``.

    Documents are plain dictionaries. Every call has a timeout, is tried again where
    that is safe, and raises `inferry_controller.kube.errors.ApiError`.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        #: Asked before every write; raises where this process may write no more.
        self.fence: Callable[[], None] | None = None

    @classmethod
    def connect(
        cls, kubeconfig: str | None = None, context: str | None = None
    ) -> Client:
        """Return a client of what a kubeconfig, KUBECONFIG or the pod names."""
        return cls(Transport(Access.find(kubeconfig, context)))

    async def __aenter__(self) -> Self:
        await self.transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()

    # -- reading

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
            what=_what("get", kind, namespace, name),
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
        query = _query(
            labelSelector=selector,
            fieldSelector=fields,
            limit=str(limit) if limit else "",
            **{"continue": token},
        )
        body = await self.transport.call(
            "GET",
            kind.path(namespace),
            what=_what("list", kind, namespace),
            query=query,
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
        query = _query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=version,
            labelSelector=selector,
            fieldSelector=fields,
            timeoutSeconds=str(seconds),
        )
        async with self.transport.stream(
            kind.path(namespace),
            what=_what("watch", kind, namespace),
            query=query,
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
        query = _query(
            container=container,
            previous="true" if previous else "",
            tailLines="" if tail is None else str(tail),
            follow="true" if follow else "",
            timestamps="true" if timestamps else "",
            limitBytes="" if limit is None else str(limit),
        )
        async with self.transport.stream(
            POD.path(namespace, pod, "log"),
            what=_what("read the log of", POD, namespace, pod),
            query=query,
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

    # -- writing

    async def apply(
        self,
        obj: Mapping[str, Any],
        *,
        manager: str,
        force: bool = True,
        subresource: str = "",
        dry_run: bool = False,
        kind: Kind | None = None,
    ) -> dict[str, Any]:
        """Apply *obj* server-side as *manager*; return what the server then holds."""
        kind = kind or kind_of(obj)
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        namespace, name = _identity(obj)
        return await self._write(
            "PATCH",
            kind.path(namespace, name, subresource),
            obj,
            what=_what("apply", kind, namespace, name),
            query=query,
            content=_APPLY,
        )

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Change,
        *,
        subresource: str = "",
        manager: str = "",
    ) -> dict[str, Any]:
        """Change one object with a merge patch, or a JSON patch where it is a list."""
        return await self._write(
            "PATCH",
            kind.path(namespace, name, subresource),
            change,
            what=_what("patch", kind, namespace, name),
            query=_query(fieldManager=manager),
            content=_JSON_PATCH if isinstance(change, list) else _MERGE,
            # Operations of a JSON patch may add to a list, once each time.
            repeatable=not isinstance(change, list),
        )

    async def create(
        self,
        obj: Mapping[str, Any],
        *,
        manager: str = "",
        dry_run: bool = False,
        kind: Kind | None = None,
        within: float | None = None,
    ) -> dict[str, Any]:
        """Create *obj*; `Conflict` with ``exists`` where its name is taken."""
        kind = kind or kind_of(obj)
        namespace, name = _identity(obj)
        return await self._write(
            "POST",
            kind.path(namespace),
            obj,
            what=_what("create", kind, namespace, name),
            query=_query(fieldManager=manager, dryRun="All" if dry_run else ""),
            repeatable=False,
            within=within,
        )

    async def replace(
        self,
        obj: Mapping[str, Any],
        *,
        subresource: str = "",
        kind: Kind | None = None,
        within: float | None = None,
    ) -> dict[str, Any]:
        """Replace an object; `Conflict` where its resourceVersion is not the last.

        *within* is for callers with a deadline: one attempt of so many seconds.
        """
        kind = kind or kind_of(obj)
        namespace, name = _identity(obj)
        return await self._write(
            "PUT",
            kind.path(namespace, name, subresource),
            obj,
            what=_what("replace", kind, namespace, name),
            query={},
            repeatable=False,
            within=within,
        )

    async def scale(
        self, kind: Kind, namespace: str, name: str, replicas: int, *, version: str = ""
    ) -> dict[str, Any]:
        """Set the replicas of one object, only as it is at *version* where given."""
        change: dict[str, Any] = {"spec": {"replicas": replicas}}
        if version:
            change["metadata"] = {"resourceVersion": version}
        return await self.patch(kind, namespace, name, change, subresource="scale")

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        version: str = "",
        propagation: str = "Background",
        grace: int | None = None,
    ) -> bool:
        """Delete one object, only the one of *uid* and *version* where given.

        Whether there was one.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        wanted = _query(uid=uid, resourceVersion=version)
        if wanted:
            options["preconditions"] = wanted
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            await self._write(
                "DELETE",
                kind.path(namespace, name),
                options,
                what=_what("delete", kind, namespace, name),
                query={},
            )
        except NotFound:
            return False
        return True

    async def _write(
        self,
        method: str,
        path: str,
        body: Change,
        *,
        what: str,
        query: dict[str, str],
        content: str = "application/json",
        repeatable: bool = True,
        within: float | None = None,
    ) -> dict[str, Any]:
        # Who has a deadline of its own is the election: it writes to get the lease.
        if self.fence is not None and within is None:
            self.fence()
        answer = await self.transport.call(
            method,
            path,
            what=what,
            query=query,
            body=orjson.dumps(body),
            content=content,
            repeatable=repeatable,
            timeout=TOTAL if within is None else within,
            urgent=within is not None,
        )
        return decoded(answer)


def _identity(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata.get("name", "")


def _what(verb: str, kind: Kind, namespace: str = "", name: str = "") -> str:
    where = f" {namespace}/{name}" if namespace else f" {name}" if name else ""
    return f"cannot {verb} {kind}{where}"


def _query(**pairs: str) -> dict[str, str]:
    return {key: value for key, value in pairs.items() if value}
