"""Fetch bad models through the real engine, and say what came of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from inferry.config import Settings, load_settings
from inferry.errors import StorageError
from inferry.plugins import Plugins, Provided, load_plugins
from inferry.storage import Source
from inferry_storage.testing._model import BadModel  # noqa: TC001 - msgspec reads it at run time
from inferry_storage.testing._store import BACKEND, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one model; without an error it was let in."""

    model: BadModel
    error: StorageError | None = None
    published: tuple[str, ...] = ()

    @property
    def let_in(self) -> bool:
        """Say whether a model server could have seen anything of it."""
        return self.error is None or bool(self.published)

    @property
    def expected(self) -> bool:
        """Say whether it was refused with an error that it must be refused with."""
        return not self.let_in and isinstance(self.error, self.model.errors)


class Trying:
    """Fetches bad models into a cache of their own below *folder*.

    ``put`` stores a model and returns its URI, for the *plugins* that can read it; by
    default it is a store in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        put: Callable[[BadModel], str] = hold,
        plugins: Plugins | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._cache = folder / "cache"
        self._put = put
        self._plugins = plugins
        self._given = {"cache_dir": str(self._cache), **(settings or {})}
        self._seen: set[str] = set()
        self._settings: dict[tuple[tuple[str, str], ...], Settings] = {}

    async def all(self, models: Iterable[BadModel]) -> list[Outcome]:
        """Fetch each of *models*."""
        return [await self.one(model) for model in models]

    async def one(self, model: BadModel) -> Outcome:
        """Fetch *model*."""
        from inferry_storage import fetch

        settings = self._with(model.settings)
        plugins = self._plugins or _only_bad()
        error = None
        try:
            source = Source(uri=self._put(model))
            await fetch(source, plugins=plugins, settings=settings)
        except StorageError as raised:
            error = raised
        return Outcome(model=model, error=error, published=self._new())

    def _new(self) -> tuple[str, ...]:
        """Return what was published since the last time."""
        shelf = self._cache / "snapshots"
        there = {each.name for each in shelf.iterdir()} if shelf.exists() else set()
        new = there - self._seen
        self._seen |= there
        return tuple(sorted(new))

    def _with(self, more: Mapping[str, str]) -> Settings:
        key = tuple(sorted(more.items()))
        if key not in self._settings:
            given = {f"storage.{k}": v for k, v in {**self._given, **more}.items()}
            self._settings[key] = load_settings(environ={}, overrides=given)
            load_plugins("local", self._settings[key], only=["storage"])
        return self._settings[key]


def table(outcomes: Iterable[Outcome]) -> str:
    """Return lines that say how many models of each kind got which error."""
    counted = Counter(
        (each.model.kind, "LET IN" if each.let_in else type(each.error).__name__)
        for each in outcomes
    )
    lines = [
        f"{kind:10} {error:16} {count:5}"
        for (kind, error), count in sorted(counted.items())
    ]
    let_in = sum(count for (_, error), count in counted.items() if error == "LET IN")
    return "\n".join([*lines, f"tried {counted.total()}, let in {let_in}"])


def _only_bad() -> Plugins:
    provided = Provided(
        descriptor=BACKEND, plugin="bad", distribution="inferry-storage", version="0"
    )
    return Plugins(provided=(("inferry_storage_backends", (provided,)),))
