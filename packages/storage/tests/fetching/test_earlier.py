"""What a folder holds already, from a pull before."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from inferry.storage import Entry, Snapshot
from inferry_storage.cache import durability
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.manifest import File, Manifest, Tree
from inferry_storage.fetching.earlier import Pulls, present

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"data"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
KEY = "k" * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "model"
    found.mkdir()
    (found / "a.bin").write_bytes(DATA)
    return found


@pytest.fixture
def pulls(tmp_path: Path) -> Pulls:
    return Pulls(Cache(tmp_path / "cache"))


def described(folder: Path) -> Manifest:
    found = Tree.of(folder)
    return Manifest(
        uri="s3://bucket/model",
        id="1",
        rung="etag",
        bytes=found.bytes,
        created=time.time(),
        boot=durability.boot(),
        files=found.files,
        folders=found.folders,
        links=found.links,
    )


def test_a_pull_is_remembered_until_a_file_changes(pulls: Pulls, folder: Path) -> None:
    assert pulls.same(folder, KEY) is None
    pulls.note(folder, described(folder), KEY)

    known = pulls.same(folder, KEY)
    assert known is not None
    assert known.key == KEY
    assert pulls.same(folder, "other") is None
    (folder / "mine.txt").touch()
    assert pulls.same(folder, KEY) is not None
    (folder / "a.bin").write_bytes(b"DATA")
    assert pulls.same(folder, KEY) is None
    assert pulls.last(folder) == known


def test_links_count(pulls: Pulls, folder: Path) -> None:
    (folder / "link").symlink_to("/elsewhere")
    pulls.note(folder, described(folder), KEY)
    assert pulls.same(folder, KEY) is not None

    (folder / "link").unlink()

    assert pulls.same(folder, KEY) is None


def test_after_a_boot_it_is_looked_at_again(
    pulls: Pulls, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulls.note(folder, described(folder), KEY)
    monkeypatch.setattr(durability, "boot", lambda: "another")

    assert pulls.same(folder, KEY) is None
    assert pulls.last(folder) is not None


def test_where_nothing_can_be_written_nothing_is_remembered(
    tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = Pulls(Cache(tmp_path / "file" / "cache"))

    nowhere.note(folder, described(folder), KEY)

    assert nowhere.last(folder) is None


def snapshot(**entry: str | int | None) -> Snapshot:
    whole = Entry(path="a.bin", **{"size": len(DATA), **entry})
    return Snapshot(uri="s3://bucket/model", id="1", entries=(whole,))


def before(folder: Path, key: str) -> dict[str, File]:
    (file,) = Tree.of(folder).files
    return {"a.bin": msgspec.structs.replace(file, key=key)}


@pytest.mark.parametrize(
    ("entry", "key", "there"),
    [
        ({"digest": DIGEST}, "", True),
        ({"digest": "sha256:ab"}, "", False),
        ({"digest": DIGEST, "size": 5}, "", False),
        ({"digest": "sha256:ab"}, "sha256:ab", True),
        ({"digest": DIGEST}, "sha256:ab", False),
        ({"etag": '"x"'}, "", False),
        ({"etag": '"x"'}, "etag:other", False),
    ],
)
def test_what_is_there_is_told_by_what_is_known(
    folder: Path, entry: dict[str, str | int | None], key: str, *, there: bool
) -> None:
    found = present(folder, snapshot(**entry), before(folder, key))

    assert found == ({"a.bin": folder / "a.bin"} if there else {})


def test_a_link_and_what_is_missing_are_not_there(folder: Path) -> None:
    (folder / "a.bin").unlink()
    assert present(folder, snapshot(digest=DIGEST), {}) == {}
    (folder / "b.bin").write_bytes(DATA)
    (folder / "a.bin").symlink_to("b.bin")
    assert present(folder, snapshot(digest=DIGEST), {}) == {}


def test_a_file_of_another_user_is_not_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)

    assert present(folder, snapshot(digest=DIGEST), {}) == {}
