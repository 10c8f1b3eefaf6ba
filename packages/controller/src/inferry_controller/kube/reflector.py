"""Keeps a store equal to what the API server has: list, then watch, for ever.

A watch that breaks goes on where it stood. A version that is compacted away (410) means
a list again, which is compared with the store, so that what was deleted meanwhile is
seen. A kind that is not served is waited for in silence, and an optional one does not
hold up the start.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from inferry_controller.kube.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_controller.kube.client import Client
    from inferry_controller.kube.kinds import Kind
    from inferry_controller.kube.store import Store

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: Seconds between two looks for a kind that is not served.
ABSENT = 10.0


class Reflector(Generic[T]):
    """Fills one store with the objects of one kind.

    *project* makes what is stored of a document, or None for what nobody needs.
    *namespaces* are watched one by one; without any, all are watched at once.
    *served* is called with True or False when a kind appears or disappears.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        store: Store[T],
        *,
        project: Callable[[dict[str, Any]], T | None],
        selector: str = "",
        fields: str = "",
        namespaces: Sequence[str] = (),
        optional: bool = False,
        served: Callable[[bool], None] | None = None,
        metadata_only: bool = False,
        absent: float = ABSENT,
    ) -> None:
        self.client = client
        self.kind = kind
        self.store = store
        self.project = project
        self.selector = selector
        self.fields = fields
        self.optional = optional
        self.metadata_only = metadata_only
        self.absent = absent
        self._served = served
        self._there: bool | None = None
        scopes = namespaces if namespaces and kind.namespaced else ("",)
        self._streams = [Stream(self, namespace) for namespace in dict.fromkeys(scopes)]

    @property
    def synced(self) -> bool:
        """Whether the store has all objects that existed when it was started."""
        return all(stream.synced.is_set() for stream in self._streams)

    @property
    def is_served(self) -> bool:
        """Whether the API server serves the kind, as far as is known."""
        return bool(self._there)

    async def wait_synced(self) -> None:
        """Return when the store is `synced`."""
        for stream in self._streams:
            await stream.synced.wait()

    async def run(self, *, freeze: bool = False) -> None:
        """List and watch until cancelled.

        *freeze* takes what the first list brought out of the sight of the collector of
        garbage: otherwise it walks through all of it again and again.
        """
        async with asyncio.TaskGroup() as group:
            for stream in self._streams:
                group.create_task(
                    stream.run(freeze=freeze),
                    name=f"watch {self.kind} {stream.namespace}",
                )

    def tell(self, *, there: bool) -> None:
        """Note that the kind is served, or not; tell it once."""
        if there == self._there:
            return
        if not there:
            level = logging.INFO if self.optional else logging.WARNING
            _log.log(level, "%s is not served; waiting for its CRD", self.kind)
        elif self._there is False:
            _log.info("%s is served now", self.kind)
        self._there = there
        if self._served is not None:
            self._served(there)
