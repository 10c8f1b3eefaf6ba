"""Another place for a tree, without copying."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from inferry_storage.cache.linking import link_tree
from inferry_storage.cache.manifest import Manifest, Tree

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def tree(root: Path) -> Manifest:
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.bin").write_bytes(b"a")
    (root / "link").symlink_to("/elsewhere")
    found = Tree.of(root)
    return Manifest(
        uri="",
        id="",
        rung="etag",
        bytes=1,
        created=0.0,
        boot="",
        files=found.files,
        folders=found.folders,
        links=found.links,
    )


def test_files_are_one_on_the_disk(tmp_path: Path) -> None:
    known = tree(tmp_path / "one")

    link_tree(tmp_path / "one", known, tmp_path / "two")

    inodes = {(tmp_path / n / "sub" / "a.bin").stat().st_ino for n in ("one", "two")}
    assert len(inodes) == 1
    assert (tmp_path / "two" / "link").readlink() == (tmp_path / "one/link").readlink()


def test_where_a_file_takes_no_more_names_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tree(tmp_path / "one")

    def full(*_: str) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    monkeypatch.setattr(os, "link", full)
    link_tree(tmp_path / "one", known, tmp_path / "two")

    assert (tmp_path / "two" / "sub" / "a.bin").read_bytes() == b"a"
