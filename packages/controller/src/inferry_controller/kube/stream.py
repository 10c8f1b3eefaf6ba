"""List and watch of one kind in one namespace, through everything that breaks them."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from inferry_controller.kube.backoff import pause
from inferry_controller.kube.documents import document, key_of
from inferry_controller.kube.errors import (
    ApiError,
    Forbidden,
    Gone,
    NotFound,
    classified,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from inferry_controller.kube.reflector import Reflector

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: Seconds after which the server ends a watch; spread, so that they do not end at once.
WATCH = (300, 600)
_FIRST, _LONGEST = 0.2, 10.0
#: A kind answers 404 for a moment while an API server starts: believed after so many.
_BELIEVED = 3
#: Seconds of decoding before others get their turn.
_SLICE = 0.003
#: A watch that brings nothing and ends sooner counts as a failure.
_SHORT = 1.0
#: Seconds after which all is listed again: a repair for what no watch can tell, such as
#: an etcd that was restored from a backup.
_RELIST = 6 * 3600.0


class Stream(Generic[T]):
    """List and watch of one namespace, or of all.

    Its life is a list whenever no version is known, then watches from that version on.
    """

    def __init__(self, owner: Reflector[T], namespace: str) -> None:
        self._owner = owner
        self._store = owner.store
        self.namespace = namespace
        self.synced = asyncio.Event()
        self._version = ""
        self._failures = 0
        self._missed = 0
        self._events = 0
        self._due = 0.0

    async def run(self, *, freeze: bool) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if not self._version or self._aged():
                    await self._list(freeze=freeze and not self.synced.is_set())
                await self._watch()
            except Gone as error:
                _log.info("%s: listing again: %s", self._name, error.message)
                self._version = ""
                await self._fail(None)
            except NotFound:
                self._version = ""
                await self._not_served()
            except ApiError as error:
                await self._fail(error)
            except Exception:  # noqa: BLE001 - the other kinds go on
                # A defect, ours or a projection's: the process serves the others on.
                _log.exception("%s: the watch failed", self._name)
                self._version = ""
                await self._fail(None)

    def _aged(self) -> bool:
        return asyncio.get_running_loop().time() > self._due

    @property
    def _name(self) -> str:
        return (
            f"{self._owner.kind} in {self.namespace}"
            if self.namespace
            else str(self._owner.kind)
        )

    # -- listing

    async def _list(self, *, freeze: bool) -> None:
        """Bring the store to the state of one version."""
        try:
            version, seen = await self._pages(freeze=freeze)
        except Gone:
            # Later pages would be of a newer version than the first: all in one.
            version, seen = await self._pages(freeze=freeze, limit=0)
        for key in self._store.keys(self.namespace):
            if key not in seen:
                self._store.remove(key)
        self._store.progressed(version, self.namespace)
        self._version = version
        self._due = asyncio.get_running_loop().time() + _RELIST
        self._missed = 0
        self._recovered()
        self._owner.tell(there=True)
        if not self.synced.is_set():
            _log.debug("%s: %d objects", self._name, len(seen))
            self.synced.set()

    async def _pages(
        self, *, freeze: bool, **limit: int
    ) -> tuple[str, set[tuple[str, str]]]:
        owner = self._owner
        seen: set[tuple[str, str]] = set()
        token = ""
        while True:
            page = await owner.client.page(
                owner.kind,
                self.namespace,
                selector=owner.selector,
                fields=owner.fields,
                token=token,
                metadata_only=owner.metadata_only,
                **limit,
            )
            await self._take(page.items, seen)
            token = page.metadata.continue_
            if freeze:
                gc.freeze()
            if not token:
                return page.metadata.resource_version, seen

    async def _take(
        self, items: Iterable[msgspec.Raw], seen: set[tuple[str, str]]
    ) -> None:
        """Store a page, in slices that leave the event loop to others.

        One stream at a time: the slices of all kinds would add up to one long one.
        """
        clock = asyncio.get_running_loop().time
        async with self._owner.client.decoding:
            await asyncio.sleep(0)  # finding the objects of the page was a slice
            until = clock() + _SLICE
            for raw in items:
                obj = document(self._owner.kind, raw)
                seen.add(key_of(obj))
                self._put(obj, initial=True)
                if clock() > until:
                    await asyncio.sleep(0)
                    until = clock() + _SLICE

    def _put(self, obj: dict[str, Any], *, initial: bool) -> None:
        key = key_of(obj)
        try:
            found = self._owner.project(obj)
        except Exception:  # noqa: BLE001 - one bad object, not all of them
            _log.exception("%s %s/%s cannot be read", self._owner.kind, *key)
            return
        if found is None:
            self._store.remove(key)
        else:
            self._store.put(key, found, initial=initial)

    # -- watching

    async def _watch(self) -> None:
        """Follow one watch to its end."""
        owner = self._owner
        clock = asyncio.get_running_loop().time
        begun, events = clock(), self._events
        lines = owner.client.watch(
            owner.kind,
            self.namespace,
            version=self._version,
            selector=owner.selector,
            fields=owner.fields,
            seconds=random.randint(*WATCH),  # noqa: S311
            metadata_only=owner.metadata_only,
        )
        until = clock() + _SLICE
        async with aclosing(lines):
            async for line in lines:
                self._event(orjson.loads(line))
                if clock() > until:
                    await asyncio.sleep(0)
                    until = clock() + _SLICE
        if self._events == events and clock() - begun < _SHORT:
            await self._fail(None)

    def _event(self, event: dict[str, Any]) -> None:
        """Take in one event; raise what an ERROR tells."""
        obj = event["object"]
        what = event["type"]
        if what == "ERROR":
            raise classified(
                int(obj.get("code", 0)),
                f"cannot watch {self._name}: {obj.get('message', '')}",
                reason=obj.get("reason", ""),
            )
        self._events += 1
        self._recovered()
        if what == "DELETED":
            self._store.remove(key_of(obj))
        elif what != "BOOKMARK":
            self._put(obj, initial=False)
        self._version = obj["metadata"]["resourceVersion"]
        self._store.progressed(self._version, self.namespace)

    # -- failing

    def _recovered(self) -> None:
        if self._failures > 1:
            _log.info("%s: watching again", self._name)
        self._failures = 0

    async def _fail(self, error: ApiError | None) -> None:
        """Wait, longer each time; tell the first failure, not every one."""
        self._failures += 1
        wait = pause(self._failures, first=_FIRST, longest=_LONGEST, jitter=0.5)
        if error is not None:
            if isinstance(error, Forbidden):
                self._denied(error)
            elif self._failures == 2:  # noqa: PLR2004 - one may be any restart
                _log.warning("%s: trying again: %s", self._name, error)
            wait = max(wait, error.retry_after or 0.0)
        await asyncio.sleep(wait)

    def _denied(self, error: Forbidden) -> None:
        """Take a kind that may not be read as one that has no objects."""
        self._version = ""
        if self._failures == 1:
            level = logging.INFO if self._owner.optional else logging.WARNING
            _log.log(level, "%s: %s", self._name, error)
        if self._owner.optional:
            self.synced.set()

    async def _not_served(self) -> None:
        """Wait for a kind that is not there; after a while, believe it is gone."""
        self._missed += 1
        if self._missed < _BELIEVED:
            await asyncio.sleep(pause(self._missed, first=0.1, longest=1.0))
            return
        for key in self._store.keys(self.namespace):
            self._store.remove(key)
        self._owner.tell(there=False)
        if self._owner.optional:
            self.synced.set()
        await asyncio.sleep(self._owner.absent * random.uniform(0.8, 1.2))  # noqa: S311
