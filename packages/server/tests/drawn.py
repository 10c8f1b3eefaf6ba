"""Tensors of every datatype, as hypothesis draws them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from inferry.model import DATATYPES, Tensor
from inferry_server.codec.datatypes import dtype_of
from inferry_server.codec.values import object_array

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

KNOWN = [name for name in DATATYPES if name != "BF16" or ml_dtypes]
BITS = {"FP16": 16, "BF16": 16, "FP32": 32, "FP64": 64}


def shapes() -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0, 4), max_size=4).map(tuple)


def elements(datatype: str, *, text_only: bool) -> st.SearchStrategy[Any]:
    if datatype == "BOOL":
        return st.booleans()
    if datatype == "BYTES":
        return st.text().map(str.encode) if text_only else st.binary()
    if datatype in BITS:
        width = 16 if datatype == "BF16" else BITS[datatype]
        return st.floats(
            width=width, allow_nan=not text_only, allow_infinity=not text_only
        )
    limits = np.iinfo(DATATYPES[datatype])
    return st.integers(int(limits.min), int(limits.max))


@st.composite
def tensors(draw: Any, *, text_only: bool) -> Tensor:
    datatype = draw(st.sampled_from(KNOWN))
    shape = draw(shapes())
    count = math.prod(shape)
    items = draw(
        st.lists(
            elements(datatype, text_only=text_only), min_size=count, max_size=count
        )
    )
    dtype = dtype_of(datatype, "x")
    flat = object_array(items) if datatype == "BYTES" else np.array(items, dtype)
    return Tensor(name="x", datatype=datatype, data=flat.reshape(shape))


def same(left: Tensor, right: Tensor) -> None:
    assert left.datatype == right.datatype
    assert left.data.shape == right.data.shape
    assert left.data.dtype == right.data.dtype
    if left.datatype == "BYTES":
        assert left.data.tolist() == right.data.tolist()
    else:
        assert left.data.tobytes() == right.data.tobytes()
