"""What a tree held when it was made, and whether it still does."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from inferry_storage.cache import manifest
from inferry_storage.cache.manifest import Manifest, Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.bin").write_bytes(b"aaaa")
    (root / "sub" / "b.bin").write_bytes(b"bb")
    (root / "link").symlink_to("/elsewhere")
    return root


def described(root: Path, *, digests: bool = True) -> Manifest:
    found = Tree.of(root)
    files = tuple(
        msgspec.structs.replace(
            each, digest=digest(root / each.path) if digests else ""
        )
        for each in found.files
    )
    return Manifest(
        uri="s3://bucket/model",
        id="1",
        rung="digest",
        bytes=found.bytes,
        created=1.5,
        boot="this",
        files=files if digests else found.files,
        folders=found.folders,
        links=found.links,
    )


def digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_it_is_read_as_it_was_written(root: Path, tmp_path: Path) -> None:
    known = described(root)

    manifest.write(tmp_path / "m.json", known)

    assert manifest.read(tmp_path / "m.json") == known
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.json", "tree"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\xff"])
def test_one_that_is_broken_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, "latin-1")

    assert manifest.read(tmp_path / "m.json") is None


def test_one_of_another_format_is_none(root: Path, tmp_path: Path) -> None:
    later = msgspec.structs.replace(described(root), format=2)
    manifest.write(tmp_path / "m.json", later)

    assert manifest.read(tmp_path / "m.json") is None


def test_a_tree_as_it_was_is_like_it(root: Path) -> None:
    assert manifest.unlike(root, described(root)) == ""


def write(path: Path) -> None:
    path.write_bytes(b"bbbb")


def replace(path: Path) -> None:
    seen = path.stat()
    path.rename(path.with_name("old"))
    path.write_bytes(path.with_name("old").read_bytes())
    path.with_name("old").unlink()
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("sub/b.bin")


@pytest.mark.parametrize("change", [write, link])
def test_a_changed_file_is_named(root: Path, change: Callable[[Path], None]) -> None:
    known = described(root)
    change(root / "a.bin")

    assert manifest.unlike(root, known) == "a.bin was changed"


def test_an_added_file_is_named(root: Path) -> None:
    known = described(root)
    (root / "sub" / "new.py").touch()

    assert manifest.unlike(root, known) == "sub/new.py was changed"


@pytest.mark.parametrize("gone", ["a.bin", "link", "sub/b.bin"])
def test_a_missing_one_is_named(root: Path, gone: str) -> None:
    known = described(root)
    (root / gone).unlink()

    assert manifest.unlike(root, known) == f"{gone} is missing"


def test_a_missing_folder_is_named(root: Path) -> None:
    known = described(root)
    (root / "sub" / "empty").rmdir()

    assert manifest.unlike(root, known) == "sub/empty is missing"


def test_a_link_that_leads_elsewhere_is_named(root: Path) -> None:
    known = described(root)
    (root / "link").unlink()
    (root / "link").symlink_to("/other")

    assert manifest.unlike(root, known) == "link was changed"


def test_what_python_leaves_is_no_change(root: Path) -> None:
    known = described(root)
    (root / "sub" / "__pycache__").mkdir()
    (root / "sub" / "__pycache__" / "m.pyc").touch()

    assert manifest.unlike(root, known) == ""


def test_a_copy_with_the_same_digests_is_mended(root: Path) -> None:
    known = described(root)
    replace(root / "a.bin")

    mended = manifest.mended(root, known)

    assert mended is not None
    assert manifest.unlike(root, mended) == ""
    assert [each.digest for each in mended.files] == [e.digest for e in known.files]


def test_other_bytes_are_not_mended(root: Path) -> None:
    known = described(root)
    write(root / "a.bin")

    assert manifest.mended(root, known) is None


def test_without_digests_nothing_is_mended(root: Path) -> None:
    assert manifest.mended(root, described(root, digests=False)) is None
