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
from inferry_controller.kube.documents import decoded
from inferry_controller.kube.errors import NotFound
from inferry_controller.kube.kinds import kind_of
from inferry_controller.kube.reading import Reader, about, selected
from inferry_controller.kube.transport import ATTEMPTS, TOTAL, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_controller.kube.documents import Change
    from inferry_controller.kube.kinds import Kind

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"


class Client(Reader):
    """Calls one API server; open it with ``async with``.

    Documents are plain dictionaries. Every call has a timeout, is tried again where
    that is safe, and raises `inferry_controller.kube.errors.ApiError`.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        #: Asked before every write; raises where this process may write no more.
        self.fence: Callable[[], None] | None = None

    @classmethod
    def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> Client:
        """Return a client of what a kubeconfig, KUBECONFIG or the pod names.

        *attempts* is how often a call is tried; people at a terminal want fewer.
        """
        return cls(Transport(Access.find(kubeconfig, context), attempts=attempts))

    async def __aenter__(self) -> Self:
        await self.transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()

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
            what=about("apply", kind, namespace, name),
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
            what=about("patch", kind, namespace, name),
            query=selected(fieldManager=manager),
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
            what=about("create", kind, namespace, name),
            query=selected(fieldManager=manager, dryRun="All" if dry_run else ""),
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
            what=about("replace", kind, namespace, name),
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
        wanted = selected(uid=uid, resourceVersion=version)
        if wanted:
            options["preconditions"] = wanted
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            await self._write(
                "DELETE",
                kind.path(namespace, name),
                options,
                what=about("delete", kind, namespace, name),
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
