"""From the tensors of a request to what an estimator takes as X."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry_runtime_sklearn._signature import INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inferry.model import Tensor
    from inferry_runtime_sklearn._signature import Signature

_ROWS_AND_COLUMNS = 2
_SHOWN = 20
_FLOAT, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_OTHER_WIDTH: Mapping[Any, Any] = {_FLOAT: _DOUBLE, _DOUBLE: _FLOAT}


def features(
    signature: Signature, inputs: Sequence[Tensor], *, frame: bool = False
) -> Any:  # noqa: ANN401 - array or DataFrame
    """Return X: an array, a list of texts, or a DataFrame where the model needs one.

    One tensor called ``input-0`` is all of X; several, or one named after a column, are
    its columns. With *frame*, ``content_type: pd`` of MLServer's clients, each is a
    column, in the order of the fit where that had no names.

    Raises:
        InvalidInput: Naming the tensor, what it is and what was expected.

    """
    if not inputs:
        raise InvalidInput(f"the request has no input; the model takes {INPUT!r}")
    if frame and not signature.names and signature.kind == "matrix":
        return _in_order(signature, inputs)
    named = frame or len(inputs) > 1 or inputs[0].name in signature.names
    alone = len(inputs) == 1
    if named and not (alone and len(signature.names) == 1 and inputs[0].data.ndim > 1):
        return _from_columns(signature, inputs)
    tensor = inputs[0]
    if signature.kind == "columns":
        raise InvalidInput(
            f"unknown input {tensor.name!r}; send one input per column: "
            f"{_names(signature)}"
        )
    if tensor.name not in {INPUT, *signature.names}:
        raise InvalidInput(f"unknown input {tensor.name!r}; the model takes {INPUT!r}")
    if signature.kind == "text":
        return _texts(tensor)
    array = values(tensor)
    if signature.kind == "matrix":
        _check_matrix(signature, tensor)
        if signature.frame:
            return _frame(signature, dict(zip(signature.names, array.T, strict=True)))
    return array


def called(method: Callable[[Any], Any], rows: Any) -> Any:  # noqa: ANN401 - as scikit-learn takes and gives
    """Return what *method* gives for *rows*.

    Compiled parts of some estimators, such as KMeans, take floats of the width that
    they were fitted on and no other, so those of the other are converted.
    """
    try:
        return method(rows)
    except ValueError as error:
        other = _OTHER_WIDTH.get(getattr(rows, "dtype", None))
        if other is None or "dtype mismatch" not in str(error):
            raise
        return method(rows.astype(other))


def refusal(inputs: Sequence[Tensor], said: str) -> InvalidInput:
    """Return the error for values that an estimator refuses, which *said* why.

    scikit-learn calls whatever it is given X, or says nothing of where it was.
    """
    plural = "s" * (len(inputs) > 1)
    return InvalidInput(f"the model refuses input{plural} {_listed(inputs)}: {said}")


def values(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return the data as scikit-learn knows it: text as str, half floats widened."""
    if tensor.datatype == "BYTES":
        return _decode(tensor)
    if tensor.datatype in {"FP16", "BF16"}:
        return tensor.data.astype(np.float32)
    return tensor.data


def _check_matrix(signature: Signature, tensor: Tensor) -> None:
    shape = list(tensor.data.shape)
    if len(shape) != _ROWS_AND_COLUMNS or shape[1] != signature.features:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {shape}, "
            f"expected [-1, {signature.features}] (-1: any number of rows)"
        )
    expected = signature.inputs[0].datatype
    if (tensor.datatype == "BYTES") != (expected == "BYTES"):
        what = "BYTES" if expected == "BYTES" else "numbers, such as FP64"
        raise InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, expected {what}"
        )


def _texts(tensor: Tensor) -> list[str]:
    if tensor.datatype != "BYTES":
        raise InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, "
            "expected BYTES: one text a row"
        )
    if tensor.data.ndim == 0 or tensor.data.size != tensor.data.shape[0]:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
            "expected [-1]: one text a row"
        )
    texts: list[str] = _decode(tensor).reshape(-1).tolist()
    return texts


def _from_columns(signature: Signature, inputs: Sequence[Tensor]) -> Any:  # noqa: ANN401 - array or DataFrame
    if not signature.names:
        raise InvalidInput(
            f"{len(inputs)} inputs ({_listed(inputs)}), expected one, {INPUT!r}: the "
            "model was fitted without column names"
        )
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for tensor in inputs:
        if tensor.name not in signature.names or tensor.name in columns:
            raise InvalidInput(_odd_name(signature, tensor.name))
        _check_column(signature, tensor, signature.names.index(tensor.name))
        columns[tensor.name] = values(tensor).reshape(-1)
    missing = [name for name in signature.names if name not in columns]
    if missing:
        raise InvalidInput(f"input {', '.join(map(repr, missing))} is missing")
    if len({len(column) for column in columns.values()}) > 1:
        rows = ", ".join(f"{name!r} {len(column)}" for name, column in columns.items())
        raise InvalidInput(f"the inputs differ in their number of rows: {rows}")
    ordered = {name: columns[name] for name in signature.names}
    if signature.frame:
        return _frame(signature, ordered)
    return np.column_stack(list(ordered.values()))


def _in_order(signature: Signature, inputs: Sequence[Tensor]) -> Any:  # noqa: ANN401 - an array
    """Return the columns of a model that knows no names, in the order they come."""
    if len(inputs) != signature.features:
        raise InvalidInput(
            f"{len(inputs)} columns, expected {signature.features}: with content_type "
            f"pd each column is an input, here {_listed(inputs)}"
        )
    for position, tensor in enumerate(inputs):
        _check_column(signature, tensor, position)
    if len({tensor.data.size for tensor in inputs}) > 1:
        rows = ", ".join(f"{each.name!r} {each.data.size}" for each in inputs[:_SHOWN])
        raise InvalidInput(f"the inputs differ in their number of rows: {rows}")
    return np.column_stack([values(tensor).reshape(-1) for tensor in inputs])


def _check_column(signature: Signature, tensor: Tensor, position: int) -> None:
    if tensor.data.ndim == 0 or tensor.data.size != tensor.data.shape[0]:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
            "expected [-1]: one value a row"
        )
    is_text = position in signature.texts
    if (tensor.datatype == "BYTES") != is_text:
        what = "BYTES" if is_text else "numbers, such as FP64"
        raise InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, expected {what}"
        )


def _frame(signature: Signature, columns: dict[str, np.ndarray[Any, Any]]) -> Any:  # noqa: ANN401 - a DataFrame
    # Optional, and without types: only models fitted on a DataFrame need it.
    pandas: Any = importlib.import_module("pandas")
    return pandas.DataFrame(columns, columns=list(signature.names), copy=False)


def _decode(tensor: Tensor) -> np.ndarray[Any, Any]:
    texts = np.empty(tensor.data.size, dtype=object)
    for index, element in enumerate(tensor.data.flat):
        try:
            texts[index] = element.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"element {index} of input {tensor.name!r} is not UTF-8 text "
                f"(byte {error.start})"
            ) from None
    return texts.reshape(tensor.data.shape)


def _odd_name(signature: Signature, name: str) -> str:
    if name in signature.names:
        return f"input {name!r} is given twice"
    near = get_close_matches(name, signature.names, n=1)
    instead = f"did you mean {near[0]!r}?" if near else f"expected {_names(signature)}"
    return f"unknown input {name!r}; {instead}"


def _listed(inputs: Sequence[Tensor]) -> str:
    more = f" and {len(inputs) - _SHOWN} more" if len(inputs) > _SHOWN else ""
    return ", ".join(repr(each.name) for each in inputs[:_SHOWN]) + more


def _names(signature: Signature) -> str:
    return ", ".join(map(repr, signature.names))
