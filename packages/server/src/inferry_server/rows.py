"""Requests as rows of axis 0: which ones go together, as one, and apart again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from inferry.errors import InferenceError
from inferry.model import InferRequest, InferResponse, Tensor
from inferry_server.codec.shared_memory import BYTE_SIZE, OFFSET, REGION

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

#: What tells how a tensor travels and nothing of what is to be computed.
_TRANSPORT = {"binary_data_size", "binary_data_output", REGION, BYTE_SIZE, OFFSET}


def row_count(request: InferRequest) -> int:
    """Return how many rows *request* has; 0 where its inputs are no rows."""
    inputs = request.inputs
    if not inputs:
        return 0
    shape = inputs[0].data.shape
    rows = shape[0] if shape else 0
    for tensor in inputs[1:]:
        if tensor.data.shape[:1] != (rows,):
            return 0
    return rows


def key_of(request: InferRequest) -> Hashable:
    """Return what requests must have in common to be merged; None merges with none."""
    try:
        return (
            request.outputs,
            request.model_version,
            _meaning(request.parameters),
            *(
                (
                    tensor.name,
                    tensor.datatype,
                    tensor.data.shape[1:],
                    _meaning(tensor.parameters),
                )
                for tensor in request.inputs
            ),
        )
    except TypeError:  # parameters that are no JSON
        return None


def _meaning(parameters: Mapping[str, Any]) -> bytes:
    if not parameters:
        return b""
    rest = {name: value for name, value in parameters.items() if name not in _TRANSPORT}
    return orjson.dumps(rest, option=orjson.OPT_SORT_KEYS) if rest else b""


def merge(requests: Sequence[InferRequest]) -> InferRequest:
    """Return *requests*, which have one key, as one: their rows below each other.

    It has the headers on which all agree, and no id.
    """
    first = requests[0]
    columns = zip(*(request.inputs for request in requests), strict=True)
    return InferRequest(
        inputs=tuple(
            Tensor(
                name=column[0].name,
                datatype=column[0].datatype,
                data=np.concatenate([tensor.data for tensor in column]),
                parameters={
                    name: value
                    for name, value in column[0].parameters.items()
                    if name not in _TRANSPORT
                },
            )
            for column in columns
        ),
        outputs=first.outputs,
        parameters=first.parameters,
        headers={
            name: value
            for name, value in first.headers.items()
            if all(request.headers.get(name) == value for request in requests)
        },
        model_name=first.model_name,
        model_version=first.model_version,
    )


def split(
    response: InferResponse, counts: Sequence[int], model: str
) -> list[InferResponse]:
    """Return the part of *response* for each of *counts* rows.

    Raises:
        InferenceError: An output has another number of rows: *model* is not row-wise.

    """
    total = sum(counts)
    for tensor in response.outputs:
        shape = tensor.data.shape
        if shape[:1] != (total,):
            raise InferenceError(
                f"model {model!r} declares batching, but gave the output "
                f"{tensor.name!r} of shape {list(shape)} for {total} rows"
            )
    parts = []
    at = 0
    for count in counts:
        parts.append(_rows(response, at, at + count))
        at += count
    return parts


def _rows(response: InferResponse, start: int, stop: int) -> InferResponse:
    return InferResponse(
        outputs=tuple(
            Tensor(
                name=tensor.name,
                datatype=tensor.datatype,
                data=tensor.data[start:stop],
                parameters=tensor.parameters,
            )
            for tensor in response.outputs
        ),
        parameters=response.parameters,
    )
