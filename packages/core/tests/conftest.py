"""Distributions made on disk, so that plugins are found as installed ones are."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GROUP = "inferry.plugins.v1"

# How long an example takes says how busy the machine is, not whether the law holds.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


class Site:
    """A folder on `sys.path` that tests install distributions into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        distribution: str,
        modules: Mapping[str, str],
        *,
        plugins: Mapping[str, str],
        version: str = "1.0",
        requires: Sequence[str] = ("inferry<2,>=0.1.0.dev0",),
        extras: Sequence[str] = (),
        group: str = GROUP,
    ) -> None:
        """Install *modules* (path to source) and the entry points *plugins*."""
        for path, source in modules.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source), "utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = [
            "Metadata-Version: 2.4",
            f"Name: {distribution}",
            f"Version: {version}",
        ]
        lines += [f"Requires-Dist: {each}" for each in requires]
        lines += [f"Provides-Extra: {each}" for each in extras]
        (info / "METADATA").write_text("\n".join(lines) + "\n", "utf-8")
        points = [f"{name} = {value}" for name, value in plugins.items()]
        (info / "entry_points.txt").write_text(
            "\n".join([f"[{group}]", *points]) + "\n", "utf-8"
        )
        importlib.invalidate_caches()

    def plugin(
        self, name: str, source: str, *, distribution: str = "", **options: object
    ) -> str:
        """Install a plugin *name* of one module and return its distribution's name."""
        distribution = distribution or f"acme-inferry-{name}"
        module = f"{distribution.replace('-', '_')}_plugin"
        self.add(
            distribution,
            {f"{module}.py": source},
            plugins={name: module},
            **options,  # type: ignore[arg-type]
        )
        return distribution


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give an empty folder on the path; what is imported from it is forgotten."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the user's environment and settings file out of every test."""
    for name in list(os.environ):
        if name.startswith("INFERRY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
