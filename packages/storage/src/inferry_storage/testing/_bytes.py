"""Models whose bytes are not those that the store promised."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from inferry.storage import Corrupt, EmptyModel, TooLarge, Truncated
from inferry_storage.testing._model import BadFile, BadModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.errors import StorageError

_DATA = bytes(range(256)) * 300
_SIZES = (0, 1, 65_536, 76_799)
_ALGORITHMS = ("sha256", "sha512", "sha1", "md5")


def bad_bytes() -> Iterator[BadModel]:
    """Yield models that are short, long, changed, empty or larger than allowed."""
    for size in _SIZES:
        data = _DATA[:size]
        name = f"{size} of {len(_DATA)} bytes"
        yield _model(name, data, Truncated, size=len(_DATA))
        yield _model(
            *(f"{name} with a digest", data, Truncated, Corrupt),
            size=len(_DATA),
            digest=_digest("sha256", _DATA),
        )
        if size:
            yield _model(f"{len(_DATA)} bytes for {size}", _DATA, Truncated, size=size)
    for algorithm in _ALGORITHMS:
        promised = _digest(algorithm, _DATA)
        for at in (0, 1, 4_096, 65_536, len(_DATA) - 1):
            changed = bytearray(_DATA)
            changed[at] ^= 1
            name = f"byte {at} is another than the {algorithm} says"
            yield _model(name, bytes(changed), Corrupt, digest=promised)
        name = f"no byte, and the {algorithm} of others"
        yield _model(name, b"", Corrupt, digest=promised, size=0)
    yield BadModel(name="no file", kind="bytes", files=(), errors=(EmptyModel,))
    yield _allowed("no file that is allowed", EmptyModel, allow_patterns="*.onnx")
    yield _allowed("no file that is not ignored", EmptyModel, ignore_patterns="*")
    yield _allowed("more bytes than allowed", TooLarge, max_bytes="100")
    yield _allowed("more files than allowed", TooLarge, max_files="1")


def _model(
    name: str,
    data: bytes,
    *errors: type[StorageError],
    size: int | None = None,
    digest: str | None = None,
) -> BadModel:
    file = BadFile(path="model.bin", data=data, size=size, digest=digest)
    return BadModel(name=name, kind="bytes", files=(file,), errors=errors)


def _allowed(name: str, error: type[StorageError], **settings: str) -> BadModel:
    files = tuple(BadFile(path=path, data=_DATA) for path in ("a.bin", "b.bin"))
    return BadModel(
        name=name, kind="bytes", files=files, errors=(error,), settings=settings
    )


def _digest(algorithm: str, data: bytes) -> str:
    found = hashlib.new(algorithm, data, usedforsecurity=False)
    return f"{algorithm}:{found.hexdigest()}"
