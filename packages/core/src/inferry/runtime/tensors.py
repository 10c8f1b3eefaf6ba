"""Between numpy arrays and the tensors of the V2 protocol; needs numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InferenceError, InvalidInput
from inferry.model import DATATYPES, InferRequest, Tensor, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Array = np.ndarray[Any, Any]

__all__ = [
    "by_name",
    "datatype",
    "described",
    "encoded",
    "fits",
    "objects",
    "row_spec",
    "tensor",
    "texts",
    "zeros",
]

_ANY = -1
_SHOWN = 20
_BY_DTYPE: Mapping[str, str] = {
    dtype: datatype for datatype, dtype in DATATYPES.items() if dtype != "object"
}


def datatype(dtype: np.dtype[Any]) -> str | None:
    """Return the V2 name of *dtype*; text and objects are BYTES, None has no name."""
    return "BYTES" if dtype.kind in "OSU" else _BY_DTYPE.get(dtype.name)


def tensor(name: str, value: Any) -> Tensor:  # noqa: ANN401 - whatever a framework gives
    """Return *value*, an array or what numpy makes one of, as the tensor *name*.

    The array is in C order and of this machine's byte order; text becomes BYTES.

    Raises:
        InferenceError: No tensor can hold it.

    """
    array = np.asarray(value)
    kind = datatype(array.dtype)
    if kind is None:
        raise InferenceError(
            f"{name} is {array.dtype.name}, which no V2 tensor can hold"
        )
    if kind == "BYTES":
        return Tensor(name=name, datatype=kind, data=encoded(array))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # Of a scalar, ascontiguousarray makes a list of one.
    data = array if array.flags.c_contiguous else np.ascontiguousarray(array)
    return Tensor(name=name, datatype=kind, data=data)


def row_spec(name: str, value: Any) -> TensorSpec:  # noqa: ANN401 - as above
    """Return what the tensor *name* is, of which *value* is some rows.

    Raises:
        InferenceError: No tensor can hold it.

    """
    made = tensor(name, value)
    shape = (_ANY, *made.data.shape[1:])
    return TensorSpec(name=name, datatype=made.datatype, shape=shape)


def by_name(
    specs: Mapping[str, TensorSpec], inputs: Iterable[Tensor]
) -> dict[str, Tensor]:
    """Return *inputs* by name, once each is known and of its type and shape.

    Raises:
        InvalidInput: One is unknown, missing, twice, or of a wrong type or shape.

    """
    found: dict[str, Tensor] = {}
    for each in inputs:
        spec = specs.get(each.name)
        if spec is None:
            raise InvalidInput(
                f"unknown input {each.name!r}; the model takes {_names(specs)}"
            )
        if each.name in found:
            raise InvalidInput(f"input {each.name!r} is given twice")
        if each.datatype != spec.datatype:
            raise InvalidInput(
                f"input {each.name!r} is {each.datatype}, expected {spec.datatype}"
            )
        if not fits(each.data.shape, spec.shape):
            raise InvalidInput(
                f"input {each.name!r} has shape {list(each.data.shape)}, "
                f"expected {list(spec.shape)} (-1: any size)"
            )
        found[each.name] = each
    if len(found) != len(specs):
        missing = [name for name in specs if name not in found]
        raise InvalidInput(
            f"input {', '.join(map(repr, missing))} is missing; "
            f"the model takes {_names(specs)}"
        )
    return found


def described(inputs: Sequence[Tensor]) -> str:
    """Name *inputs* with their types and shapes, for a message about their values."""
    more = f" and {len(inputs) - _SHOWN} more" if len(inputs) > _SHOWN else ""
    return (
        ", ".join(
            f"{each.name!r} ({each.datatype} {list(each.data.shape)})"
            for each in inputs[:_SHOWN]
        )
        + more
    )


def fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Say whether *shape* is *wanted*, where -1 is any size."""
    return len(shape) == len(wanted) and all(
        size in (_ANY, found) for found, size in zip(shape, wanted, strict=True)
    )


def texts(given: Tensor) -> list[str]:
    """Return the elements of a BYTES tensor as text, in C order.

    Raises:
        InvalidInput: It is of another type, or an element is not UTF-8.

    """
    if given.datatype != "BYTES":
        raise InvalidInput(f"input {given.name!r} is {given.datatype}, expected BYTES")
    found: list[str] = []
    try:
        for element in given.data.ravel().tolist():
            found.append(element.decode())  # noqa: PERF401 - they count below
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"element {len(found)} of input {given.name!r} is not UTF-8 text "
            f"(byte {error.start})"
        ) from None
    return found


def objects(elements: Sequence[Any], shape: tuple[int, ...]) -> Array:
    """Return an array of objects; numpy would look into them by itself."""
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)


def encoded(array: Array) -> Array:
    """Return *array* with bytes as they are, and the text of what else there is."""
    elements = [
        each if isinstance(each, bytes) else str(each).encode()
        for each in array.ravel().tolist()
    ]
    return objects(elements, array.shape)


def zeros(
    specs: Iterable[TensorSpec], *, rows: int = 1, open_size: int = 1
) -> InferRequest:
    """Return a request of zeros and empty texts.

    It has *rows* where axis 0 is open, and *open_size* for other open axes.
    """
    made = []
    for spec in specs:
        sizes = (rows, *[open_size] * len(spec.shape))
        shape = tuple(
            instead if size == _ANY else size
            for size, instead in zip(spec.shape, sizes, strict=False)
        )
        data = np.zeros(shape, dtype=DATATYPES[spec.datatype])
        if spec.datatype == "BYTES":
            data.fill(b"")
        made.append(Tensor(name=spec.name, datatype=spec.datatype, data=data))
    return InferRequest(inputs=tuple(made))


def _names(specs: Mapping[str, TensorSpec]) -> str:
    return ", ".join(map(repr, specs)) or "none"
