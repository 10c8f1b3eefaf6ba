"""What the model declares against what came in and what it gave back."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from inferry.errors import InferenceError, InvalidInput
from inferry.model import DATATYPES, InferResponse, Tensor
from inferry_server.codec.datatypes import dtype_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.model import ModelMetadata, TensorSpec

_ANY = -1
_DTYPES = {
    datatype: np.dtype(name)
    for datatype, name in DATATYPES.items()
    if name != "bfloat16"
}


class Inputs:
    """The inputs that a model declares; `check` is what each request passes."""

    def __init__(self, metadata: ModelMetadata, model: str) -> None:
        self._model = model
        self._declared = {spec.name: spec for spec in metadata.inputs}
        self._only = metadata.inputs[0] if len(metadata.inputs) == 1 else None
        self._fixed = tuple(
            (axis, size)
            for axis, size in enumerate(self._only.shape if self._only else ())
            if size != _ANY
        )

    def check(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return *inputs* in the order that the model declares them, if it does.

        Raises:
            InvalidInput: A missing, unknown or repeated input, a wrong datatype or
                shape.

        """
        only = self._only
        if only is not None and len(inputs) == 1 and self._fits(inputs[0], only):
            return inputs
        return self._check_all(inputs) if self._declared else inputs

    def _fits(self, tensor: Tensor, spec: TensorSpec) -> bool:
        """Say quickly whether *tensor* is right; `_check` says what is wrong."""
        shape = tensor.data.shape
        if (
            tensor.name != spec.name
            or tensor.datatype != spec.datatype
            or len(shape) != len(spec.shape)
        ):
            return False
        for axis, size in self._fixed:  # noqa: SIM110 - a generator would take longer
            if shape[axis] != size:
                return False
        return True

    def _check_all(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        given = {tensor.name: tensor for tensor in inputs}
        declared, model = self._declared, self._model
        for name in given:
            if name not in declared:
                raise InvalidInput(
                    f"model {model!r} has no input {name!r}; {_instead(name, declared)}"
                )
        missing = [name for name in declared if name not in given]
        if missing:
            raise InvalidInput(
                f"model {model!r}: missing input{'s' * (len(missing) > 1)} "
                f"{_quoted(missing)}; got {_quoted(given) or 'none'}"
            )
        for name, spec in declared.items():
            _check(given[name], spec, model)
        return tuple(given[name] for name in declared)


def _check(tensor: Tensor, spec: TensorSpec, model: str) -> None:
    if tensor.datatype != spec.datatype:
        raise InvalidInput(
            f"model {model!r}, input {tensor.name!r}: got datatype {tensor.datatype}, "
            f"expected {spec.datatype}"
        )
    shape = tensor.data.shape
    if len(shape) != len(spec.shape) or any(
        want not in (-1, have) for want, have in zip(spec.shape, shape, strict=True)
    ):
        raise InvalidInput(
            f"model {model!r}, input {tensor.name!r}: got shape {list(shape)}, "
            f"expected {list(spec.shape)}"
            f"{' (-1 is any size)' if -1 in spec.shape else ''}"
        )


def check_requested(wanted: Iterable[str], known: Iterable[str], model: str) -> None:
    """Refuse an output that the model does not give; *known* empty means unknown yet.

    Raises:
        InvalidInput: Naming the output and those that there are.

    """
    names = dict.fromkeys(known)
    for name in wanted if names else ():
        if name not in names:
            raise InvalidInput(
                f"model {model!r} has no output {name!r}; {_instead(name, names)}"
            )


def check_response(response: object, model: str) -> InferResponse:
    """Return *response* if it is one that can be sent.

    Raises:
        InferenceError: The model gave back something else; it says what.

    """
    if not isinstance(response, InferResponse):
        raise InferenceError(
            f"model {model!r}: predict returned {type(response).__name__}, expected "
            "InferResponse"
        )
    outputs = response.outputs
    if type(outputs) is not tuple and not isinstance(outputs, (list, tuple)):
        raise InferenceError(
            f"model {model!r}: its outputs are {type(outputs).__name__}, expected a "
            "tuple of Tensor"
        )
    names = set()
    for tensor in outputs:
        if (
            type(tensor) is not Tensor
            or type(tensor.data) is not np.ndarray
            or type(tensor.name) is not str
            or tensor.data.dtype != _DTYPES.get(tensor.datatype)
        ):
            _check_output(tensor, model)  # which says what is wrong, if anything is
        names.add(tensor.name)
    if len(names) < len(outputs):
        listed = _quoted(tensor.name for tensor in outputs)
        raise InferenceError(f"model {model!r}: two outputs have one name: {listed}")
    return response


def _check_output(tensor: object, model: str) -> None:
    if not isinstance(tensor, Tensor):
        raise InferenceError(
            f"model {model!r}: an output is {type(tensor).__name__}, expected Tensor"
        )
    if not isinstance(tensor.name, str):
        raise InferenceError(
            f"model {model!r}: an output's name is {type(tensor.name).__name__}, "
            "expected str"
        )
    if tensor.datatype not in DATATYPES:
        raise InferenceError(
            f"model {model!r}, output {tensor.name!r}: unknown datatype "
            f"{tensor.datatype!r}"
        )
    got = getattr(tensor.data, "dtype", type(tensor.data).__name__)
    expected = dtype_of(tensor.datatype, tensor.name)
    if not isinstance(tensor.data, np.ndarray) or got != expected:
        raise InferenceError(
            f"model {model!r}, output {tensor.name!r}: its data is {got}, expected an "
            f"array of {expected} for {tensor.datatype}"
        )


def _instead(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    listed = f"expected {_quoted(names)}"
    return f"did you mean {near[0]!r}? {listed}" if near and len(names) > 1 else listed


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
