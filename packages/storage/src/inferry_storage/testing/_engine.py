"""The engine over a backend under test, for who has `inferry_storage` installed."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import pytest

from inferry.config import Settings, load_settings
from inferry.errors import StorageError
from inferry.plugins import (
    ImportRef,
    Plugins,
    Provided,
    StorageBackend,
    load_plugins,
)
from inferry.storage import Source, uri_scheme
from inferry.testing import StorageTests
from inferry_storage.testing._names import BAD_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from inferry.storage import Access, Storage

_TESTED: list[EngineTests] = []


class EngineTests(StorageTests):
    """`StorageTests`, and fetches through the engine: complete, cached, or refused.

    ``uri_settings`` are further settings of the section ``[storage]``.
    """

    uri_settings: ClassVar[Mapping[str, str]] = {}

    def test_fetches_what_was_stored(self, source: str, tmp_path: Path) -> None:
        """A fetch gives the tree byte for byte; a second one reads nothing.

        On failure: run the tests of reading alone; the engine reads parts at a time.
        """
        fetched = self._fetch(source, tmp_path)
        if not fetched.is_relative_to(tmp_path / "kit-cache"):
            pytest.skip("the backend binds local paths, nothing is fetched")
        files = [path for path in fetched.rglob("*") if path.is_file()]
        found = {path.relative_to(fetched).as_posix() for path in files}
        assert found == set(self.tree)
        for path in found:
            assert (fetched / path).read_bytes() == self.tree[path], path
        assert self._fetch(source, tmp_path) == fetched

    def test_publishes_nothing_of_a_bad_model(
        self,
        put: Callable[[str, Mapping[str, bytes]], str] | None,
        tmp_path: Path,
    ) -> None:
        """Whatever names a store takes, no model with a bad one is published.

        On failure: give names as they are, so that the engine can refuse them.
        """
        if put is None:
            pytest.skip("the test class does not define the fixture put")
        published = []
        for index, name in enumerate(BAD_NAMES):
            try:
                uri = put(f"kit-bad-{index}", {"good.bin": b"good", name: b"bad"})
            except (OSError, ValueError):
                continue
            try:
                self._fetch(uri, tmp_path)
            except StorageError:
                continue
            published.append(name)
        assert published == []

    def test_publishes_nothing_that_is_cut(
        self, cut: str | None, tmp_path: Path
    ) -> None:
        """A model whose bodies end too early is not published.

        On failure: raise `Truncated` where fewer bytes came than were promised.
        """
        if cut is None:
            pytest.skip("this test is given no place that cuts bodies")
        with pytest.raises(StorageError):
            self._fetch(cut, tmp_path)

    def _fetch(self, uri: str, folder: Path) -> Path:
        from inferry_storage import fetch

        _TESTED[:] = [self]
        return asyncio.run(
            fetch(Source(uri=uri), plugins=_only(uri), settings=self._settings(folder))
        )

    def _settings(self, folder: Path) -> Settings:
        given = {
            "cache_dir": str(folder / "kit-cache"),
            "stall_seconds": "5",
            **self.uri_settings,
        }
        settings = load_settings(
            environ={}, overrides={f"storage.{key}": v for key, v in given.items()}
        )
        load_plugins("local", settings, only=["storage"])
        return settings


def tested_client(access: Access) -> Storage:
    """Return a client of the class that is tested, with its own settings."""
    del access
    return _TESTED[0].new_client()


def _only(uri: str) -> Plugins:
    backend = StorageBackend(
        name="tested",
        schemes=(uri_scheme(uri),),
        client=ImportRef("inferry_storage.testing._engine:tested_client"),
    )
    provided = Provided(
        descriptor=backend, plugin="tested", distribution="tested", version="0"
    )
    return Plugins(provided=(("inferry_storage_backends", (provided,)),))
