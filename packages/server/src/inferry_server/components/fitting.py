"""What a component asks, in the names and datatypes that the predictor declares.

V1 names neither, and what numpy computes is mostly FP64 or INT64. A value is never
changed by more than the rounding of a float: what does not fit is left for the
predictor to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.errors import InvalidInput
from inferry.model import TensorSpec
from inferry_server.codec.datatypes import FLOATS, INTEGERS, dtype_of
from inferry_server.codec.v1 import DEFAULT_INPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.model import InferRequest, Tensor

_NUMBERS = FLOATS | INTEGERS | {"BOOL"}

Signature = tuple[TensorSpec, ...]
_decoder = msgspec.json.Decoder(dict[str, Any])


def read(content: bytes) -> Signature:
    """Return the inputs of the metadata that V2 has of a model.

    Raises:
        ValueError: It is no such document.

    """
    inputs = _decoder.decode(content).get("inputs") or ()
    return msgspec.convert(inputs, Signature)


def fit(request: InferRequest, inputs: Sequence[TensorSpec]) -> InferRequest:
    """Return *request* with its inputs as *inputs* declares them, where they can be."""
    specs = {spec.name: spec for spec in inputs}
    given = request.inputs
    if len(given) == len(inputs) == 1 and given[0].name == DEFAULT_INPUT:
        specs[DEFAULT_INPUT] = inputs[0]
    fitted = tuple(
        _fit(tensor, specs[tensor.name]) if tensor.name in specs else tensor
        for tensor in given
    )
    return msgspec.structs.replace(request, inputs=fitted)


def _fit(tensor: Tensor, spec: TensorSpec) -> Tensor:
    changes: dict[str, Any] = {}
    if tensor.name != spec.name:
        changes["name"] = spec.name
    if (
        tensor.datatype != spec.datatype
        and {tensor.datatype, spec.datatype} <= _NUMBERS
    ):
        data = _cast(tensor, spec.datatype)
        if data is not None:
            changes |= {"data": data, "datatype": spec.datatype}
    return msgspec.structs.replace(tensor, **changes) if changes else tensor


def _cast(tensor: Tensor, datatype: str) -> np.ndarray[Any, Any] | None:
    try:
        dtype = dtype_of(datatype, tensor.name)
    except InvalidInput:
        return None
    with np.errstate(all="ignore"):
        data = tensor.data.astype(dtype)
        if datatype in FLOATS:
            return (
                data if np.array_equal(np.isinf(data), np.isinf(tensor.data)) else None
            )
        return data if np.array_equal(data, tensor.data) else None
