"""The models of one server, by name, and the life of each.

A name has at most one model that serves. A newer version is loaded beside it and takes
its place only once it is ready; one that fails changes nothing but the state's message.
A model that was unloaded stays known with its spec, so that it can be loaded again;
`Models.remove` forgets it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import ModelLoadError, ModelNotFound, ModelNotReady
from inferry.status import remedy as remedy_of
from inferry_server.loading import load_model, unload_model
from inferry_server.loading_turns import LoadingTurns
from inferry_server.states import ON_THE_WAY, ModelState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inferry_server.loaded import LoadedModel
    from inferry_server.metrics import Metrics
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, Phase

logger = logging.getLogger(__name__)

#: What a load says that `Models.unload` has given up.
GIVEN_UP = "it was unloaded while it was loading"


class _Entry:
    """One name: what serves, what is said about it, and who may change it."""

    def __init__(self, name: str) -> None:
        self.lock = asyncio.Lock()
        self.serving: LoadedModel | None = None
        self.state = ModelState(name=name, phase="Pending", reason="Pending")
        self.since = time.monotonic()
        self.spec: ModelSpec | None = None
        self.loading: asyncio.Task[tuple[LoadedModel, str]] | None = None


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
        self._entries: dict[str, _Entry] = {}
        self._retired: set[asyncio.Task[None]] = set()
        self._turns = LoadingTurns()

    async def load(self, spec: ModelSpec) -> ModelState:
        """Load *spec* and return how that ended, Ready or Failed; see `_Entry`."""
        entry = self._entries.get(spec.name)
        if entry is None:
            entry = self._entries[spec.name] = _Entry(spec.name)
            self._tell(entry)
        entry.spec = spec
        async with entry.lock:
            self._entries[spec.name] = entry  # removed while this one waited
            return await self._load(entry, spec)

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

    async def _load(self, entry: _Entry, spec: ModelSpec) -> ModelState:
        began = time.monotonic()
        entry.loading = asyncio.create_task(
            self._turns.run(
                lambda: load_model(
                    spec,
                    self._settings,
                    on_phase=lambda phase: self._on_the_way(entry, phase),
                )
            )
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
        old, entry.serving = entry.serving, model
        self._set(entry, ModelState(name=spec.name, phase="Ready", message=note))
        logger.info(
            "model %s is ready after %.2f s%s", spec.name, seconds, note and f"; {note}"
        )
        if old is not None:
            self._retire(old)
        return entry.state

    def _on_the_way(self, entry: _Entry, phase: Phase) -> None:
        name = entry.state.name
        if entry.serving is None:
            self._set(entry, ModelState(name=name, phase=phase, reason=phase))
        else:
            message = "a newer version is on its way"
            self._set(
                entry,
                ModelState(name=name, phase="Ready", reason=phase, message=message),
            )

    def _failed(self, entry: _Entry, error: ModelLoadError) -> ModelState:
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
            ModelNotReady: It is known, but nothing serves; the message says why.

        """
        entry = self._entries.get(name) or self._entry(name)
        if entry.serving is None:
            state = entry.state
            why = f": {state.message}" if state.message else ""
            raise ModelNotReady(f"model {name!r} is not ready ({state.phase}){why}")
        if version is not None:
            entry.serving.check_version(version)
        return entry.serving

    def _entry(self, name: str) -> _Entry:
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
        entry = self._entry(name)
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
        return name in self._entries

    @property
    def ready(self) -> bool:
        """Whether no model is on its way, waits for a predictor or failed alone.

        One that failed beside others that serve is not ready itself but disturbs none
        of them, and who unloads a model wants it so.
        """
        entries = self._entries.values()
        if not entries or not all(map(_is_settled, entries)):
            return False
        serves = any(entry.serving is not None for entry in entries)
        return serves or all(entry.state.phase == "Unloaded" for entry in entries)

    def _set(self, entry: _Entry, state: ModelState) -> None:
        if state.phase != entry.state.phase:
            entry.since = time.monotonic()
        entry.state = state
        self._tell(entry)

    def _tell(self, entry: _Entry) -> None:
        if self._on_state is None:
            return
        try:
            self._on_state(entry.state)
        except Exception:
            logger.exception("the listener for model states failed")


def _is_settled(entry: _Entry) -> bool:
    if entry.serving is None:
        return entry.state.phase not in ON_THE_WAY
    return not entry.serving.why_unhealthy


def _is_cancelled_itself() -> bool:
    """Tell a cancelled caller from a load that `Models.unload` has given up."""
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())
