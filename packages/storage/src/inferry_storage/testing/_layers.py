"""Images whose layers lead out of the model, contradict themselves, or are damaged."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from inferry.storage import (
    Corrupt,
    EmptyModel,
    TooLarge,
    UnsafeArchive,
    UnsafePath,
)
from inferry_storage.testing._model import BadFile, BadModel
from inferry_storage.testing._names import BAD_NAMES, BAD_PAIRS
from inferry_storage.testing._packing import pax, tar, tar_header, tar_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.errors import StorageError

_GOOD = tar_member("models/good.bin", b"good")
_LEADING = (
    *(b"/etc/passwd", b"../../etc/passwd", b"..", b".", b"/", b"/models", b"nothing"),
    *(b"../models", b"other-link", b"../bin/sh", b"/proc/self/environ", b"good.bin/.."),
)


def bad_layers() -> Iterator[BadModel]:
    """Yield images of one layer and of several."""
    for name in BAD_NAMES:
        # In a layer the leading and the closing slash mean nothing.
        if "\0" in name or name.startswith(("/", ".i", ".I", ".j", ".J")):
            continue
        if name in {".", "./a"} or name.endswith("/"):
            continue
        inner = pax({"path": f"models/{name}"}) + tar_member("short", b"x")
        yield _image(f"the name {name[:40]!r}", (UnsafePath,), tar(_GOOD, inner))
    for first, second in BAD_PAIRS:
        pair = (tar_member(f"models/{each}", b"x") for each in (first, second))
        yield _image(f"the names {first!r} and {second!r}", (UnsafePath,), tar(*pair))
    yield from _links()
    yield from _contradictions()
    yield from _damaged()


def _image(
    name: str, errors: tuple[type[StorageError], ...], *layers: bytes, **settings: str
) -> BadModel:
    return BadModel(
        name=f"image: {name}",
        kind="layers",
        files=tuple(
            BadFile(path=f"layer-{n}", data=data) for n, data in enumerate(layers)
        ),
        errors=errors,
        layers=True,
        settings=settings,
    )


def _links() -> Iterator[BadModel]:
    shell = tar_member("bin/sh", b"#!")
    unsafe = (UnsafeArchive,)
    for target in _LEADING:
        for kind, what in ((b"2", "symbolic"), (b"1", "hard")):
            shown = target.decode()
            link = tar_member("models/link", kind=kind, target=target)
            name = f"a {what} link to {shown}"
            if (kind, target) != (b"1", b"good.bin/.."):
                yield _image(name, unsafe, tar(shell, _GOOD, link))
            if kind == b"2":
                behind = tar_member("models/link/in", b"x")
                both = (UnsafeArchive, UnsafePath)
                yield _image(f"{name}, a file behind", both, tar(_GOOD, link, behind))
                later = f"{name}, a file behind it in the next layer"
                yield _image(later, both, tar(_GOOD, link), tar(behind))
    for kind in (b"3", b"4", b"6", b"S", b"V", b"z"):
        device = tar_member("models/dev", kind=kind)
        yield _image(f"a device of kind {kind!r}", unsafe, tar(_GOOD, device))
        outside = tar_member("dev/null", kind=kind)
        yield _image(f"kind {kind!r}, no model", unsafe, tar(outside))


def _contradictions() -> Iterator[BadModel]:
    name = "models"
    file = tar_member(f"{name}/a", b"x")
    inner = tar_member(f"{name}/a/b", b"x")
    unsafe = (UnsafePath,)
    yield _image("a file that is there twice", unsafe, tar(file, file))
    yield _image("a file that is a folder too", unsafe, tar(file, inner))
    yield _image("a folder that is a file too", unsafe, tar(inner, file))
    gone = tar_member(f"{name}/.wh.a")
    yield _image("all is removed", (EmptyModel,), tar(file), tar(gone))
    opaque = tar_member(f"{name}/.wh..wh..opq")
    yield _image("all is hidden", (EmptyModel,), tar(file), tar(opaque))
    model = tar_member(".wh.models")
    yield _image("the model is removed", (EmptyModel,), tar(file), tar(model))
    folder = tar_member("models/", kind=b"5")
    yield _image("an empty model", (EmptyModel,), tar(folder, tar_member("bin/sh")))
    hidden = tar_member(f"{name}/.wh...", b"")
    yield _image("a whiteout of what is above", (EmptyModel,), tar(hidden))
    removed = tar(gone), tar(tar_member("models/link", kind=b"2", target=b"a"))
    yield _image("a link to what is removed", (UnsafeArchive,), tar(file), *removed)


def _damaged() -> Iterator[BadModel]:
    good = tar(tar_member("models/a", bytes(range(256)) * 64))
    packed = gzip.compress(good, mtime=0)
    for tenth in range(1, 10):
        cut = packed[: len(packed) * tenth // 10]
        yield _image(f"{len(cut)} of {len(packed)} bytes", (Corrupt,), cut)
        half = good[: len(good) * tenth // 11]
        yield _image(f"{len(half)} bytes of a plain layer", (Corrupt,), half)
    yield _image("a good layer and half of one", (Corrupt,), packed, packed[:-30])
    for size in (b"\xff" * 12, b"\x80" + b"\xff" * 11, b"77777777777\0"):
        header = tar_header(b"models/a", raw_size=size)
        yield _image(f"the size {size!r}", (Corrupt,), tar(header))
    yield _image("a wrong sum", (Corrupt,), tar(tar_header(b"models/a", wrong_sum=3)))
    yield _image("no tar", (Corrupt,), b"some text" * 100)
    bomb = gzip.compress(tar(tar_member("models/zeros", bytes(8 << 20))), 9, mtime=0)
    yield _image("a bomb", (UnsafeArchive,), bomb)
    outside = gzip.compress(tar(tar_member("zeros", bytes(8 << 20))), 9, mtime=0)
    yield _image("a bomb beside the model", (UnsafeArchive,), good, outside)
    many = tar(*(tar_member(f"models/{n}") for n in range(30)))
    yield _image("30 files of 20", (TooLarge,), many, max_files="20")
    large = tar(tar_member("models/a", bytes(200_000)))
    yield _image("too many bytes", (TooLarge,), large, max_bytes="100000")
