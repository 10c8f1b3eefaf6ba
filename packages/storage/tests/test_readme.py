"""The README has every backend, every scheme and every setting, as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inferry_storage.plugin import inferry_storage_backends
from inferry_storage.settings import SETTINGS

if TYPE_CHECKING:
    from inferry.plugins import SettingsSpec, StorageBackend

README = Path(__file__).parents[1] / "README.md"


def row(name: str) -> list[str]:
    """Return the cells of the row that begins with *name*."""
    found = re.search(rf"^\| `{name}` \|.*$", README.read_text(), re.MULTILINE)
    assert found, f"README.md has no row for {name}"
    return [cell.strip() for cell in found[0][1:-1].split("|")]


def shown(default: object) -> str:
    """Return how the table writes a default."""
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in {"", ()} else str(default)


@pytest.mark.parametrize(
    "backend", list(inferry_storage_backends()), ids=lambda backend: backend.name
)
def test_a_backend_has_its_row(backend: StorageBackend) -> None:
    _, uris, install, page = row(backend.name)
    for scheme in {*backend.schemes} - {"file"}:
        assert f"`{scheme}://" in uris
    extra = backend.client.extra
    assert (f"[{extra}]" in install) if extra else not install
    if backend.name != "file":
        name = re.search(r"\((\.\./.*)\)", page)[1]
        assert (README.parent / name).is_file()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_a_setting_has_its_row(setting: SettingsSpec) -> None:
    assert row(setting.key)[1:] == [shown(setting.default), setting.help]


def test_no_setting_is_there_that_is_none() -> None:
    table = README.read_text().partition("## Settings")[2].partition("## From")[0]
    keys = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert keys == [setting.key for setting in SETTINGS]
