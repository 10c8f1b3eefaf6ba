"""Events: what `kubectl describe` shows below an object.

An event that repeats becomes a series (events.k8s.io/v1), which costs one call for many
repetitions. Each object has a token bucket, so that one that flaps cannot flood etcd.
Recording never waits and never fails: events are news, not state.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inferry.errors import BackendError
from inferry_controller.kube.errors import ApiError, NotFound
from inferry_controller.kube.kinds import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_controller.kube.client import Client

_log = logging.getLogger(__name__)

#: Events of one object at once, and seconds until it may have one more: client-go's.
BURST, REFILL = 25, 300.0
#: Seconds for which a repetition joins the series, and between two writes of a series.
SERIES, FLUSH = 360.0, 30.0
#: Events that wait to be written; beyond, the oldest are dropped.
WAITING = 1000
#: Objects and series that are remembered.
_REMEMBERED = 4096
#: Seconds for the last events of a process that stops.
_LAST = 2.0
_LONGEST_NOTE = 1024
_LONGEST_NAME = 220


@dataclass(slots=True)
class _Series:
    """An event that was written, and how often it happened since."""

    event: dict[str, Any]
    last: float
    count: int = 1
    written: int = 1
    flushed: float = 0.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Memory:
    """What is remembered, the most recently used last."""

    series: OrderedDict[tuple[str, ...], _Series] = field(default_factory=OrderedDict)
    buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)


class Recorder:
    """Records events about objects; `run` writes them."""

    def __init__(
        self,
        client: Client,
        *,
        component: str,
        instance: str,
        clock: Callable[[], float] = time.monotonic,
        dropped: Callable[[], None] | None = None,
    ) -> None:
        self._client = client
        self._component = component
        self._instance = instance
        self._clock = clock
        self._dropped = dropped
        self._memory = _Memory()
        self._new: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._work = asyncio.Event()

    def record(
        self,
        regarding: Mapping[str, Any],
        reason: str,
        note: str,
        *,
        warning: bool = False,
        action: str = "Reconciling",
    ) -> None:
        """Note that something happened to *regarding*, a document or a reference.

        *reason* is one word of CamelCase, *note* a sentence for people.
        """
        about = reference(regarding)
        kind = "Warning" if warning else "Normal"
        key = (about.get("uid") or about["name"], kind, reason, action, note)
        series = self._memory.series.get(key)
        now = self._clock()
        if series is not None and now - series.last < SERIES:
            series.last, series.count = now, series.count + 1
            self._memory.series.move_to_end(key)
        elif self._allowed(key[0], now):
            event = self._event(about, kind, reason, action, note)
            self._memory.series[key] = _Series(event, now, written=0)
            self._memory.series.move_to_end(key)
            _trim(self._memory.series)
            self._wait_for(key)
        elif self._dropped is not None:
            self._dropped()

    async def run(self) -> None:
        """Write events until cancelled, and then what is left."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH / 2):
                        await self._work.wait()
                await self.flush()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST):
                    await self.flush(everything=True)

    async def flush(self, *, everything: bool = False) -> None:
        """Write what waits, and the series that grew; all of them if *everything*."""
        self._work.clear()
        while self._new:
            key, _ = self._new.popitem(last=False)
            series = self._memory.series.get(key)
            if series is not None:
                await self._create(series)
        now = self._clock()
        for series in list(self._memory.series.values()):
            grown = series.count > series.written > 0
            if grown and (everything or now - series.flushed >= FLUSH):
                await self._grow(series)

    # -- inside

    def _wait_for(self, key: tuple[str, ...]) -> None:
        self._new[key] = None
        if len(self._new) > WAITING:
            oldest, _ = self._new.popitem(last=False)
            self._memory.series.pop(oldest, None)
            if self._dropped is not None:
                self._dropped()
        self._work.set()

    def _allowed(self, uid: str, now: float) -> bool:
        """Take a token of the bucket of one object."""
        bucket = self._memory.buckets.get(uid)
        if bucket is None:
            bucket = self._memory.buckets[uid] = _Bucket(BURST, now)
            _trim(self._memory.buckets)
        self._memory.buckets.move_to_end(uid)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) / REFILL)
        bucket.at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True

    def _event(
        self, about: dict[str, str], kind: str, reason: str, action: str, note: str
    ) -> dict[str, Any]:
        # A name must not end in a dot before its suffix; objects' names may hold dots.
        stem = about["name"][:_LONGEST_NAME].rstrip("-.")
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "namespace": about.get("namespace") or "default",
                "name": f"{stem}.{uuid.uuid4().hex[:16]}",
            },
            "eventTime": _now(),
            "reportingController": self._component,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "regarding": about,
            "note": _clipped(note),
            "type": kind,
        }

    async def _create(self, series: _Series) -> None:
        try:
            await self._client.create(series.event, kind=EVENT)
        except ApiError as error:
            # For instance the namespace is being deleted: there is nobody to tell.
            _log.debug("an event was not written: %s", error)
            return
        except BackendError:
            return
        series.written = 1
        series.flushed = self._clock()

    async def _grow(self, series: _Series) -> None:
        metadata = series.event["metadata"]
        change = {"series": {"count": series.count, "lastObservedTime": _now()}}
        series.written, series.flushed = series.count, self._clock()
        try:
            await self._client.patch(
                EVENT, metadata["namespace"], metadata["name"], change
            )
        except NotFound:
            series.last = float("-inf")  # the server forgot it; the next one is new
        except BackendError as error:
            _log.debug("an event was not written: %s", error)


def reference(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the reference to a document, or *obj* where it is one already."""
    metadata = obj.get("metadata")
    if metadata is None:
        return {key: str(value) for key, value in obj.items()}
    found = {
        "apiVersion": obj.get("apiVersion", ""),
        "kind": obj.get("kind", ""),
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
    }
    return {key: value for key, value in found.items() if value}


def _clipped(note: str) -> str:
    """Return *note* within the bytes that the API takes."""
    data = note.encode()
    if len(data) <= _LONGEST_NOTE:
        return note
    return data[: _LONGEST_NOTE - 3].decode(errors="ignore") + "…"


def _trim(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
