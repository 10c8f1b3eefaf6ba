"""The models of one server, by name, and the life of each.

A name has at most one model that serves. A newer version is loaded beside it and takes
its place only once it is ready; one that fails changes nothing but the state's message.
A model that was unloaded stays known with its spec, so that it can be loaded again;
`Models.remove` forgets it. One that sleeps gave way to others under the memory budget:
it counts as Ready, and the next request for it loads it again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import ModelLoadError, ModelNotFound, ModelNotReady
from inferry.status import remedy as remedy_of
from inferry_server.entry import Entry, hosting
from inferry_server.loading import load_model, unload_model
from inferry_server.loading_turns import LoadingTurns
from inferry_server.memory import MemoryBudget, ModelAsleep, shown
from inferry_server.states import ModelState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inferry_server.loaded import LoadedModel
    from inferry_server.metrics import Metrics
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, Phase

logger = logging.getLogger(__name__)

#: What a load says that `Models.unload` has given up.
GIVEN_UP = "it was unloaded while it was loading"
#: What is said of a model that gave way to others.
ASLEEP = "it gave way to other models; the next request loads it again"


class Models:
    """Loads, finds and unloads; every change of a state is told to *on_state*."""

    def __init__(
        self,
        settings: ServerSettings,
        metrics: Metrics,
        *,
        on_state: Callable[[ModelState], None] | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._on_state = on_state
        self._entries: dict[str, Entry] = {}
        self._retired: set[asyncio.Task[None]] = set()
        #: Whether a server without any model is ready: it is told of them later.
        self.may_be_empty = False
        #: How often each model gave way to others.
        self.evictions: dict[str, int] = {}
        self._budget = MemoryBudget(settings.memory_budget)
        # Under a budget one load ends before it is known what room the next one has.
        self._turns = LoadingTurns(1) if settings.memory_budget else LoadingTurns()

    async def load(self, spec: ModelSpec) -> ModelState:
        """Load *spec* and return how that ended, Ready or Failed; see `Entry`."""
        entry = self._entries.get(spec.name)
        if entry is None:
            entry = self._entries[spec.name] = Entry(spec.name)
            self._tell(entry)
        entry.spec = spec
        async with entry.lock:
            self._entries[spec.name] = entry  # removed while this one waited
            return await self._load(entry, spec)

    def add(self, spec: ModelSpec) -> None:
        """Make *spec* known, so that it can be loaded by its name."""
        entry = self._entries.setdefault(spec.name, Entry(spec.name))
        if entry.spec is None:
            entry.spec = spec
            self._set(entry, ModelState(name=spec.name, phase="Unloaded"))

    async def load_as(self, spec: ModelSpec) -> ModelState:
        """Load *spec* this once; what its name stands for stays the same.

        Raises:
            ModelNotFound: No such model.

        """
        entry = self._entry(spec.name)
        async with entry.lock:
            return await self._load(self._entry(spec.name), spec)

    def spec(self, name: str) -> ModelSpec:
        """Return what *name* stands for, whether it serves or not.

        Raises:
            ModelNotFound: No such model.

        """
        entry = self._entry(name)
        if entry.spec is None:
            raise ModelNotFound(f"there is no model {name[:253]!r}")
        return entry.spec

    async def _load(self, entry: Entry, spec: ModelSpec) -> ModelState:
        began = time.monotonic()
        entry.loading = asyncio.create_task(
            self._turns.run(lambda: self._load_in_room(entry, spec))
        )
        try:
            model, note = await entry.loading
        except ModelLoadError as error:
            return self._failed(entry, error)
        except asyncio.CancelledError:
            if _is_cancelled_itself():
                self._failed(entry, ModelLoadError("the load was cancelled"))
                raise
            logger.info("model %s was unloaded while it was loading", spec.name)
            return ModelState(name=spec.name, phase="Failed", message=GIVEN_UP)
        finally:
            entry.loading = None
        seconds = time.monotonic() - began
        self._metrics.loaded(spec.name, seconds)
        entry.used, entry.memory, entry.is_asleep = began, model.memory, False
        old, entry.serving = entry.serving, model
        self._set(entry, ModelState(name=spec.name, phase="Ready", message=note))
        logger.info(
            "model %s is ready after %.2f s%s", spec.name, seconds, note and f"; {note}"
        )
        if old is not None:
            self._retire(old)
        return entry.state

    async def _load_in_room(
        self, entry: Entry, spec: ModelSpec
    ) -> tuple[LoadedModel, str]:
        """Load *spec* where the budget has room for it, and make that room."""
        others = [each for each in self._entries.values() if each is not entry]
        sleep = self._put_to_sleep
        need = max(spec.memory, entry.memory)
        with self._budget.promised(spec.name) as promise:
            promise(need)
            await self._budget.make_room(others, sleep)
            model, note = await load_model(
                spec,
                self._settings,
                on_phase=lambda phase: self._on_the_way(entry, phase),
            )
            model.memory = max(model.memory, spec.memory)
            try:
                promise(model.memory)
            except ModelLoadError:
                await unload_model(model, 0)
                raise
            await self._budget.make_room(others, sleep)
        return model, note

    async def _put_to_sleep(self, entry: Entry) -> None:
        if entry.lock.locked():
            return  # it is being changed: it may go, or need more
        async with entry.lock:
            model, entry.serving = entry.serving, None
            if model is None:
                return
            entry.is_asleep = True
            self._set(entry, ModelState(name=model.name, phase="Ready", message=ASLEEP))
            self.evictions[model.name] = self.evictions.get(model.name, 0) + 1
            logger.info("model %s sleeps: %s are free", model.name, shown(entry.memory))
            await unload_model(model, self._settings.drain_timeout)

    async def _wake(self, name: str) -> None:
        """Load the sleeping model *name*.

        Raises:
            ModelNotReady: It cannot be loaded, and the message says why.

        """
        entry = self._entry(name)
        async with entry.lock:
            if entry.is_asleep and entry.spec is not None:
                await self._load(entry, entry.spec)
        if entry.serving is None and not entry.is_asleep:
            self.get(name)

    def _on_the_way(self, entry: Entry, phase: Phase) -> None:
        name = entry.state.name
        if entry.is_asleep:
            pass  # whoever asks it waits, and finds it as ready as before
        elif entry.serving is None:
            self._set(entry, ModelState(name=name, phase=phase, reason=phase))
        else:
            message = "a newer version is on its way"
            self._set(
                entry,
                ModelState(name=name, phase="Ready", reason=phase, message=message),
            )

    def _failed(self, entry: Entry, error: ModelLoadError) -> ModelState:
        failed = ModelState(
            name=entry.state.name,
            phase="Failed",
            reason=error.reason,
            message=error.message,
            remedy=error.remedy or remedy_of(error.reason),
        )
        logger.error(
            "model %s failed: %s: %s (%s)",
            failed.name,
            error.reason,
            failed.message,
            failed.remedy,
        )
        if entry.serving is None:
            entry.is_asleep = False
            self._set(entry, failed)
        else:
            message = f"the older version serves on; the newer failed: {failed.message}"
            self._set(
                entry, msgspec.structs.replace(failed, phase="Ready", message=message)
            )
        return failed

    def _retire(self, model: LoadedModel) -> None:
        """Let *model* answer what it has begun, without anyone waiting for that."""
        task = asyncio.create_task(unload_model(model, self._settings.drain_timeout))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def unload(self, name: str) -> None:
        """Take *name* out of service and wait for what it still computes.

        One that is still loading is given up.

        Raises:
            ModelNotFound: No such model.

        """
        await self._unload(name, self._settings.drain_timeout)

    async def remove(self, name: str) -> None:
        """Unload *name* and forget that there was such a model.

        Raises:
            ModelNotFound: No such model.

        """
        await self._remove(name, self._settings.drain_timeout)

    async def _remove(self, name: str, patience: float) -> None:
        entry = self._entry(name)
        await self._unload(name, patience)
        if entry.state.phase == "Unloaded":  # and not loaded again meanwhile
            self._entries.pop(name, None)

    async def _unload(self, name: str, patience: float) -> None:
        entry = self._entry(name)
        if entry.loading is not None:
            entry.loading.cancel()
        async with entry.lock:
            model, entry.serving = entry.serving, None
            entry.is_asleep = False
            self._set(
                entry, ModelState(name=name, phase="Unloaded", message="unloaded")
            )
            if model is not None:
                await unload_model(model, patience)
            self._metrics.forget(name)

    async def close(self, patience: float) -> None:
        """Unload everything; what still computes after *patience* seconds is left."""
        names = list(self._entries)
        await asyncio.gather(*(self._remove(name, patience) for name in names))
        if self._retired:
            await asyncio.wait(self._retired, timeout=patience)

    def get(self, name: str, version: str | None = None) -> LoadedModel:
        """Return the model that serves *name*.

        Raises:
            ModelNotFound: No such model or version.
            ModelAsleep: It gave way to others; ``wake`` it and ask again.
            ModelNotReady: It is known, but nothing serves; the message says why.

        """
        entry = self._answering(name)
        entry.used = time.monotonic()
        if entry.serving is None:
            state = entry.state
            if entry.is_asleep:
                raise ModelAsleep(
                    f"model {name!r} is not in memory: {ASLEEP}",
                    partial(self._wake, name),
                )
            why = f": {state.message}" if state.message else ""
            raise ModelNotReady(f"model {name!r} is not ready ({state.phase}){why}")
        if version is not None:
            entry.serving.check_version(version)
        return entry.serving

    async def awake(self, name: str, version: str | None = None) -> LoadedModel:
        """Return the model that serves *name*, loaded again where it sleeps.

        Raises:
            ModelNotFound: No such model or version.
            ModelNotReady: It is known, but nothing serves; the message says why.

        """
        try:
            return self.get(name, version)
        except ModelAsleep as asleep:
            await asleep.wake()
            return self.get(name, version)

    def _answering(self, name: str) -> Entry:
        entries = self._entries
        return entries.get(name) or hosting(entries, name) or self._entry(name)

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            known = ", ".join(map(repr, sorted(self._entries))) or "no model at all"
            raise ModelNotFound(
                f"there is no model {name[:253]!r}; this server has {known}"
            )
        return entry

    def state(self, name: str) -> ModelState:
        """Return where *name* is.

        Raises:
            ModelNotFound: No such model.

        """
        entry = self._answering(name)
        seconds = round(time.monotonic() - entry.since, 3)
        if entry.serving is not None and entry.serving.why_unhealthy:
            return ModelState(
                name=name,
                phase="Pending",
                reason="Pending",
                message=entry.serving.why_unhealthy,
                remedy=remedy_of("Pending"),
                seconds=seconds,
            )
        return msgspec.structs.replace(entry.state, seconds=seconds)

    def states(self) -> dict[str, ModelState]:
        """Return where each model is, by name."""
        return {name: self.state(name) for name in self._entries}

    def serving(self) -> Iterator[LoadedModel]:
        """Yield the models that serve."""
        for entry in self._entries.values():
            if entry.serving is not None:
                yield entry.serving

    def __contains__(self, name: str) -> bool:
        return name in self._entries or hosting(self._entries, name) is not None

    @property
    def ready(self) -> bool:
        """Whether no model is on its way, waits for a predictor or failed alone.

        One that failed beside others that serve is not ready itself but disturbs none
        of them, and who unloads a model wants it so.
        """
        entries = self._entries.values()
        if not entries:
            return self.may_be_empty
        if not all(entry.is_settled for entry in entries):
            return False
        serves = any(entry.serving or entry.is_asleep for entry in entries)
        return serves or all(entry.state.phase == "Unloaded" for entry in entries)

    def _set(self, entry: Entry, state: ModelState) -> None:
        if state.phase != entry.state.phase:
            entry.since = time.monotonic()
        entry.state = state
        self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        if self._on_state is None:
            return
        try:
            self._on_state(entry.state)
        except Exception:
            logger.exception("the listener for model states failed")


def _is_cancelled_itself() -> bool:
    """Tell a cancelled caller from a load that `Models.unload` has given up."""
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())
