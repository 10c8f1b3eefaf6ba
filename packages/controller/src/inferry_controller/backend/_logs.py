"""``logs``: every container of every pod of a service, side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from inferry_controller.kube.errors import ApiError
from inferry_controller.kube.kinds import POD
from inferry_controller.names import SERVICE_LABEL
from inferry_controller.observing.projection import project

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry_controller.kube.client import Client
    from inferry_controller.observing.facts import ContainerFact, PodFact

#: Seconds between two looks for pods that have come.
_LOOK = 2.0
#: Lines that wait for whoever reads them.
_WAITING = 1000
_LONGEST = 64 * 1024


class _Source(msgspec.Struct, frozen=True):
    """One run of one container of one pod."""

    pod: str
    container: str
    run: int
    previous: bool
    alone: bool

    @property
    def prefix(self) -> str:
        """What stands before each of its lines."""
        return f"[{self.pod}]" if self.alone else f"[{self.pod} {self.container}]"


async def lines(
    client: Client, namespace: str, name: str, *, follow: bool, tail: int | None
) -> AsyncIterator[str]:
    """Yield the lines; with *follow* also those that come, and those of new pods."""
    if not follow:
        for source in await _sources(client, namespace, name):
            async for line in _read(client, namespace, source, tail=tail):
                yield line
        return
    queue: asyncio.Queue[str] = asyncio.Queue(_WAITING)
    following = _Following(client, namespace, name, tail, queue)
    looking = asyncio.create_task(following.look())
    try:
        while True:
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait({getting, looking}, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
            else:
                getting.cancel()
                looking.result()
    finally:
        looking.cancel()
        following.stop()


class _Following:
    """Reads every run of every container once, as soon as there is one."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        tail: int | None,
        to: asyncio.Queue[str],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._tail = tail
        self._to = to
        self._seen: dict[tuple[str, str, int], asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Look for containers that have begun, for ever."""
        while True:
            for source in await _sources(self._client, self._namespace, self._name):
                key = source.pod, source.container, source.run
                if key not in self._seen:
                    self._seen[key] = asyncio.create_task(self._pour(source))
            await asyncio.sleep(_LOOK)

    def stop(self) -> None:
        """Read no more."""
        for task in self._seen.values():
            task.cancel()

    async def _pour(self, source: _Source) -> None:
        reading = _read(
            self._client, self._namespace, source, tail=self._tail, follow=True
        )
        async for line in reading:
            await self._to.put(line)


async def _sources(client: Client, namespace: str, name: str) -> list[_Source]:
    pods = await client.list(POD, namespace, selector=f"{SERVICE_LABEL}={name}")
    facts = [project("Pod", each) for each in pods]
    ordered = sorted(facts, key=lambda each: each.name)
    return [source for pod in ordered for source in _of_pod(pod)]  # type: ignore[arg-type]


def _of_pod(pod: PodFact) -> list[_Source]:
    servers = [each for each in pod.containers if not each.init]
    return [
        _Source(
            pod.name,
            each.name,
            run=each.restarts,
            previous=_between_runs(each),
            alone=not each.init and len(servers) == 1,
        )
        for each in pod.containers
        if each.state != "waiting" or each.restarts
    ]


def _between_runs(container: ContainerFact) -> bool:
    """Say whether only the run that crashed has something to read."""
    return container.state == "waiting" and container.restarts > 0


async def _read(
    client: Client,
    namespace: str,
    source: _Source,
    *,
    tail: int | None,
    follow: bool = False,
) -> AsyncIterator[str]:
    rest = b""
    try:
        async for chunk in client.logs(
            namespace,
            source.pod,
            container=source.container,
            previous=source.previous,
            tail=tail,
            follow=follow and not source.previous,
        ):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST:
                whole, rest = [*whole, rest], b""
            for line in whole:
                yield _shown(source, line)
    except ApiError as error:
        # A pod that went meanwhile takes its log along.
        yield f"{source.prefix} ({error.message})"
        return
    if rest:
        yield _shown(source, rest)


def _shown(source: _Source, line: bytes) -> str:
    return f"{source.prefix} {line.decode(errors='replace').rstrip(chr(13))}"
