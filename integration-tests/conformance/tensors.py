"""Arrays of every datatype, in the shapes that servers get wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from inferry.model import DATATYPES, Tensor
from inferry.testing.protocol import wire

NUMERIC = tuple(name for name in DATATYPES if name != "BYTES")
#: Shapes: scalars, a batch, nothing at all, nothing in the middle, many dimensions.
SHAPES: dict[str, tuple[int, ...]] = {
    "rank-0": (),
    "one": (1,),
    "batch": (4, 3),
    "empty": (0, 3),
    "no-columns": (2, 0),
    "five-dimensions": (2, 1, 3, 1, 2),
}
EIGHT_MB = 8 * 2**20
#: What is not text in any encoding, what is text of many bytes, and what ends early.
BLOBS = (b"\xff\xfe\x00", b"\x80", b"", b"\0", "grüße 🎈".encode(), b"plain", b'\n"\\')


def sample(datatype: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor ``x`` with the limits of its datatype among its values."""
    size = int(np.prod(shape))
    if datatype == "BYTES":
        texts = [BLOBS[index % len(BLOBS)] for index in range(size)]
        return Tensor(name="x", datatype=datatype, data=wire.objects(texts, shape))
    dtype = wire.dtype_of(datatype)
    values = np.resize(np.array(_limits(datatype), dtype), size)
    return Tensor(name="x", datatype=datatype, data=values.reshape(shape))


def utf8(tensor: Tensor) -> Tensor:
    """Return *tensor* with texts where it has BYTES that JSON could not say."""
    if tensor.datatype != "BYTES":
        return tensor
    texts = [f'grüße {index} 🎈 \n"'.encode() for index in range(tensor.data.size)]
    data = wire.objects(texts, tensor.data.shape)
    return Tensor(name=tensor.name, datatype="BYTES", data=data)


def strided(datatype: str) -> Tensor:
    """Return a tensor whose array is a transposed slice: not contiguous in memory."""
    data = sample(datatype, (6, 8)).data[::2, 1::2].T
    assert not data.flags.c_contiguous
    return Tensor(name="x", datatype=datatype, data=data)


def large(datatype: str) -> Tensor:
    """Return a tensor of 8 MB."""
    if datatype == "BYTES":
        return Tensor(
            name="x",
            datatype=datatype,
            data=wire.objects([b"\xff" * (EIGHT_MB // 8)] * 8, (8,)),
        )
    return sample(datatype, (EIGHT_MB // wire.dtype_of(datatype).itemsize,))


def equal(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are the same to the last bit."""
    return (
        one.datatype == other.datatype
        and one.data.shape == other.data.shape
        and wire.to_raw(one) == wire.to_raw(other)
    )


def any_tensor(*, finite: bool, texts: bool) -> st.SearchStrategy[Tensor]:
    """Draw a small tensor; *finite* numbers and UTF-8 *texts* for JSON."""
    return st.sampled_from(list(DATATYPES)).flatmap(
        lambda datatype: st.lists(st.integers(0, 3), max_size=3).flatmap(
            lambda shape: _elements(datatype, finite=finite, texts=texts).flatmap(
                lambda element: _filled(datatype, tuple(shape), element)
            )
        )
    )


def _elements(
    datatype: str, *, finite: bool, texts: bool
) -> st.SearchStrategy[st.SearchStrategy[Any]]:
    if datatype == "BYTES":
        text = st.text(max_size=8).map(str.encode)
        return st.just(text if texts else st.binary(max_size=8))
    if datatype == "BOOL":
        return st.just(st.booleans())
    if datatype in {"FP16", "BF16", "FP32", "FP64"}:
        width = {"FP64": 64, "FP32": 32}.get(datatype, 16)
        return st.just(
            st.floats(width=width, allow_nan=not finite, allow_infinity=not finite)
        )
    info = np.iinfo(wire.dtype_of(datatype))
    return st.just(st.integers(int(info.min), int(info.max)))


def _filled(
    datatype: str, shape: tuple[int, ...], element: st.SearchStrategy[Any]
) -> st.SearchStrategy[Tensor]:
    size = int(np.prod(shape))

    def made(values: list[Any]) -> Tensor:
        if datatype == "BYTES":
            data = wire.objects(values, shape)
        else:
            data = np.array(values, wire.dtype_of(datatype)).reshape(shape)
        return Tensor(name="x", datatype=datatype, data=data)

    return st.lists(element, min_size=size, max_size=size).map(made)


def _limits(datatype: str) -> list[Any]:
    if datatype == "BOOL":
        return [True, False, False]
    if datatype == "BF16":
        return [0.0, -1.5, 3.0e38, 1.0e-30, -0.0]
    dtype = wire.dtype_of(datatype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        return [0.0, -1.5, info.max, info.min, info.tiny, info.smallest_subnormal, -0.0]
    limits = np.iinfo(dtype)
    return [limits.min, limits.max, 0, 1, limits.max // 3]
