"""The V2 datatypes as numpy dtypes, and shapes that are safe to allocate."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry.model import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    DType = np.dtype[Any]
    Array = np.ndarray[Any, Any]

FLOATS = frozenset({"FP16", "BF16", "FP32", "FP64"})
INTEGERS = frozenset(
    {"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"}
)
#: numpy refuses more than 64 dimensions, and sizes of 2**63 bytes.
MAX_RANK = 32
MAX_ELEMENTS = 2**48
#: A name is compared with those of the model and told in errors, which takes time and
#: room for each of its characters; and each tensor costs about 20 µs, however small.
MAX_NAME = 1024
MAX_TENSORS = 10_000

_LONGEST_DATATYPE = 20

_DTYPES: dict[str, DType] = {
    name: np.dtype(kind) for name, kind in DATATYPES.items() if name != "BF16"
}


def dtype_of(datatype: str, tensor: str) -> DType:
    """Return the numpy dtype of *datatype*; *tensor* is named in the error.

    Raises:
        InvalidInput: No such datatype, or BF16 where ml_dtypes is not installed.

    """
    found = _DTYPES.get(datatype)
    if found is not None:
        return found
    if datatype == "BF16":
        return _bfloat16(tensor)
    datatype = datatype[:_LONGEST_DATATYPE]
    near = get_close_matches(datatype.upper(), DATATYPES, n=1, cutoff=0.5)
    known = (
        f"did you mean {near[0]}?"
        if near
        else f"expected one of {', '.join(DATATYPES)}"
    )
    raise InvalidInput(f"tensor {tensor!r}: unknown datatype {datatype!r}; {known}")


def _bfloat16(tensor: str) -> DType:
    try:
        import ml_dtypes
    except ImportError:
        raise InvalidInput(
            f"tensor {tensor!r}: BF16 needs the package ml_dtypes, which this server "
            "does not have; send FP32 or install ml_dtypes beside the server"
        ) from None
    return _DTYPES.setdefault("BF16", np.dtype(ml_dtypes.bfloat16))


def check_names(names: Collection[str], what: str) -> None:
    """Refuse more *names* than a model can mean, or longer ones.

    Raises:
        InvalidInput: Saying which limit of *what*.

    """
    if len(names) > MAX_TENSORS:
        raise InvalidInput(
            f"the request has {len(names)} {what}s, at most {MAX_TENSORS}"
        )
    for name in names:
        if len(name) > MAX_NAME:
            raise InvalidInput(
                f"the name of {what} {name[:40] + '...'!r} has {len(name)} characters, "
                f"at most {MAX_NAME}"
            )


def element_count(shape: Sequence[int], tensor: str, most: int = MAX_ELEMENTS) -> int:
    """Return how many elements *shape* holds, in Python's integers: nothing overflows.

    Raises:
        InvalidInput: A negative dimension, too many dimensions, more than *most*
            elements, or a shape whose non-zero part no array can have.

    """
    if 0 < len(shape) <= MAX_RANK and min(shape) > 0:
        count = math.prod(shape)
        if count <= most and count <= MAX_ELEMENTS:
            return count
    if len(shape) > MAX_RANK:
        raise InvalidInput(
            f"tensor {tensor!r}: shape has {len(shape)} dimensions, at most {MAX_RANK}"
        )
    for size in shape:
        if size < 0:
            raise InvalidInput(
                f"tensor {tensor!r}: shape {list(shape)} has a negative dimension; a "
                "request must give each size"
            )
    # An empty array of a billion rows is one too: who goes through them takes for ever.
    spanned = math.prod([size for size in shape if size])
    if spanned > MAX_ELEMENTS:
        raise InvalidInput(f"tensor {tensor!r}: shape {list(shape)} is too large")
    if spanned > most:
        raise InvalidInput(
            f"tensor {tensor!r}: shape {list(shape)} has {spanned} elements, at most "
            f"{most}{' though one dimension is 0' if 0 in shape else ''}"
        )
    return 0 if 0 in shape else spanned
