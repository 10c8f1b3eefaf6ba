"""From what a ``predict`` returned to tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InferenceError
from inferry.model import InferResponse, Tensor
from inferry.runtime import outputs
from inferry.runtime.tensors import datatype, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUTPUT = "output-{}"


def response(result: Any, wanted: tuple[str, ...]) -> InferResponse:  # noqa: ANN401 - any value
    """Return *result* as the answer; only the outputs in *wanted*, if there are any.

    A dict names its outputs, a tuple has several without names, a list of dicts of the
    same keys has one row each; everything else is the one output ``output-0``.

    Raises:
        InferenceError: It cannot be sent.
        InvalidInput: An output was asked for that is not there.

    """
    if isinstance(result, InferResponse):
        return result
    if isinstance(result, Tensor):
        tensors = {result.name: result}
    else:
        tensors = {
            name: value if isinstance(value, Tensor) else tensor(name, value)
            for name, value in _named(result).items()
        }
    names = outputs.wanted(wanted, tensors)
    return InferResponse(outputs=tuple(tensors[name] for name in names))


def tensor(name: str, value: Any) -> Tensor:  # noqa: ANN401 - any value
    """Return *value* as a tensor; a single value has the shape [1].

    Raises:
        InferenceError: No V2 datatype holds it.

    """
    array = _array(name, value)
    if array.ndim == 0:
        array = array.reshape(1)
    kind = datatype(array.dtype)
    if kind == "BYTES":
        return Tensor(name=name, datatype=kind, data=_encode(name, array))
    if kind is None:
        raise InferenceError(
            f"predict returned {name!r} of type {array.dtype}, "
            "which no V2 tensor can hold"
        )
    return Tensor(name=name, datatype=kind, data=np.ascontiguousarray(array))


def _named(result: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any value
    if result is None:
        raise InferenceError("predict returned None; it must return its answer")
    if hasattr(result, "_asdict"):
        result = result._asdict()
    if isinstance(result, dict):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, tuple):
        return _numbered(result)
    if isinstance(result, list) and result and _are_rows(result):
        return {str(key): [row[key] for row in result] for key in result[0]}
    if hasattr(result, "columns") and hasattr(result, "to_numpy"):
        return {str(name): result[name].to_numpy() for name in result.columns}
    return _numbered([result])


def _numbered(values: Iterable[Any]) -> dict[str, Any]:
    return {OUTPUT.format(number): value for number, value in enumerate(values)}


def _are_rows(items: list[Any]) -> bool:
    return isinstance(items[0], dict) and all(
        isinstance(item, dict) and item.keys() == items[0].keys() for item in items
    )


def _array(name: str, value: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401 - any value
    if isinstance(value, bytes):
        return objects([value], ())
    if _holds_bytes(value):
        return objects(value, (len(value),))
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InferenceError(
            f"predict returned {name!r} as {type(value).__name__}, "
            f"which makes no array: {error}"
        ) from error


def _holds_bytes(value: Any) -> bool:  # noqa: ANN401 - any value
    # numpy would cut trailing zero bytes off a fixed-width array of bytes.
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, bytes) for item in value)
    )


def _encode(name: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    encoded = np.empty(array.size, dtype=object)
    for index, item in enumerate(array.flat):
        if isinstance(item, str):
            encoded[index] = item.encode()
        elif isinstance(item, bytes):
            encoded[index] = bytes(item)
        else:
            raise InferenceError(
                f"predict returned {name!r} with {type(item).__name__} in it, "
                "which no V2 tensor can hold"
            )
    return encoded.reshape(array.shape)
