"""Layers lie over each other as the image specification says."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from inferry_storage.checking.archives import unpack
from inferry_storage.testing._packing import tar, tar_member

if TYPE_CHECKING:
    from collections.abc import Callable


def file(path: str, data: bytes = b"x") -> bytes:
    return tar_member(path, data)


def folder_member(path: str) -> bytes:
    return tar_member(path, kind=b"5")


def link(path: str, target: str, kind: bytes = b"2") -> bytes:
    return tar_member(path, kind=kind, target=target.encode())


@pytest.fixture
def lay(folder: Any, policy: Any) -> Callable[..., dict[str, bytes]]:
    def laid(*layers: bytes) -> dict[str, bytes]:
        root = folder({f"layer-{n}": data for n, data in enumerate(layers)})
        paths = [root / f"layer-{n}" for n in range(len(layers))]
        found = unpack(root, policy(), layers=paths)
        assert not any(path.is_symlink() for path in found.rglob("*"))
        return {
            path.relative_to(found).as_posix(): path.read_bytes()
            for path in sorted(found.rglob("*"))
            if path.is_file()
        }

    return laid


def test_the_upper_layer_wins(lay: Any) -> None:
    lower = tar(file("models/a", b"1"), file("models/b", b"1"))
    upper = tar(file("models/b", b"2"), file("models/c", b"2"))

    assert lay(lower, upper) == {"a": b"1", "b": b"2", "c": b"2"}


def test_only_the_models_of_an_image_are_the_model(lay: Any) -> None:
    system = tar(
        file("bin/busybox"),
        link("bin/sh", "busybox"),
        link("etc/mtab", "/proc/mounts"),
        tar_member("dev/null", kind=b"3"),
        file("usr/lib/systemd/a\\x2db"),
        file("models.txt"),
    )
    model = tar(folder_member("./models/"), file("./models/a.onnx"), file("etc/late"))

    assert lay(system, model) == {"a.onnx": b"x"}


def test_an_image_without_models_is_the_model(lay: Any) -> None:
    assert lay(tar(file("a"), file("in/b"))) == {"a": b"x", "in/b": b"x"}


def test_a_whiteout_hides_what_is_below_and_nothing_else(lay: Any) -> None:
    lower = tar(file("models/a"), file("models/in/b"), file("models/in/c"))
    upper = tar(
        file("models/.wh.a", b""),
        file("models/in/.wh.b", b""),
        file("models/in/b/new", b"2"),
    )

    assert lay(lower, upper) == {"in/b/new": b"2", "in/c": b"x"}


def test_an_opaque_folder_keeps_its_own_layer(lay: Any) -> None:
    lower = tar(file("models/in/a"), file("models/in/deep/b"), file("models/c"))
    upper = tar(file("models/in/new", b"2"), file("models/in/.wh..wh..opq", b""))

    assert lay(lower, upper) == {"c": b"x", "in/new": b"2"}


def test_a_removed_model_can_come_again(lay: Any) -> None:
    lower = tar(file("models/old"))
    middle = tar(file(".wh.models", b""))

    assert lay(lower, middle, tar(file("models/new"))) == {"new": b"x"}


def test_a_file_may_become_a_folder_and_back(lay: Any) -> None:
    first = tar(file("models/a", b"1"))
    second = tar(folder_member("models/a"), file("models/a/b", b"2"))
    third = tar(file("models/a", b"3"))

    assert lay(first, second) == {"a/b": b"2"}
    assert lay(first, second, third) == {"a": b"3"}


def test_links_to_files_of_the_model_become_those_files(lay: Any) -> None:
    blob = file("models/blobs/1", b"data")
    links = tar(
        link("models/snapshot/a", "../blobs/1"),
        link("models/b", "/models/blobs/1"),
        link("models/c", "./models/blobs/1", b"1"),
    )

    found = lay(tar(blob), links)

    assert found == dict.fromkeys(("b", "blobs/1", "c", "snapshot/a"), b"data")


def test_layers_may_be_plain_or_packed_and_end_early(lay: Any) -> None:
    plain = tar(file("models/a"), end=b"")
    packed = gzip.compress(tar(file("models/b")))

    assert lay(plain, packed) == {"a": b"x", "b": b"x"}
