"""V1 as its client writes and reads it: tensors as rows of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput
from inferry.model import InferResponse, ModelMetadata, Tensor
from inferry_server.codec import v1
from inferry_server.codec.v2 import dump
from inferry_server.components.v2_wire import plain

if TYPE_CHECKING:
    from inferry.model import InferRequest

#: What KServe calls the one output of a model that names none.
DEFAULT_OUTPUT = "output-0"


def encode(request: InferRequest, model: str) -> bytes:
    """Return the body of *request*: ``instances``, or ``inputs`` where rows differ."""
    rows = v1.encode(InferResponse(outputs=request.inputs), "instances")
    if isinstance(rows["instances"], dict):
        rows = {"inputs": rows["instances"]}
    return dump({**plain(request.parameters), **rows}, model)


def decode(body: bytes) -> InferResponse:
    """Read an answer whose ``predictions`` are rows of tensors.

    Raises:
        ValueError: They are something else.

    """
    document = v1.parse(memoryview(body))
    if not isinstance(document, dict) or "predictions" not in document:
        raise InvalidInput("it has no 'predictions'")
    rest: dict[str, Any] = {
        key: value for key, value in document.items() if key != "predictions"
    }
    predictions = document["predictions"]
    key = "inputs" if isinstance(predictions, dict) else "instances"
    text = dump({key: predictions}, "")
    outputs = v1.decode(memoryview(text), ModelMetadata()).inputs
    return InferResponse(
        outputs=tuple(_named(tensor) for tensor in outputs), parameters=rest
    )


def _named(tensor: Tensor) -> Tensor:
    if tensor.name != v1.DEFAULT_INPUT:
        return tensor
    return Tensor(name=DEFAULT_OUTPUT, datatype=tensor.datatype, data=tensor.data)
