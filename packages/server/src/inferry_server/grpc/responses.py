"""A ``ModelInferResponse`` from tensors to its bytes.

The raw bytes of the outputs come last in the message, so they are put behind what
protobuf has written, and copied once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_server.codec import tensors
from inferry_server.codec.classification import classify
from inferry_server.codec.shared_memory import BYTE_SIZE, OFFSET, REGION, put
from inferry_server.grpc import parameters, wire
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from inferry.model import InferResponse, Tensor
    from inferry_server.codec.shared_memory import SharedMemory
    from inferry_server.codec.wanted import Wanted
    from inferry_server.grpc.requests import Request

_ModelInferResponse = message("ModelInferResponse")
_RAW = 6
#: What an input says of its own bytes; a model that gives it back does not mean it.
_OF_THE_INPUT = (REGION, BYTE_SIZE, OFFSET, "binary_data_size")


def encode(
    response: InferResponse,
    request: Request,
    *,
    model: str,
    version: str | None,
    memory: SharedMemory | None = None,
) -> bytes:
    """Write *response* raw where *request* is, typed where it is typed.

    An output that no typed contents can hold makes all raw.

    Raises:
        InvalidInput: An output has no classes or does not fit its shared memory.
        InferenceError: A parameter that cannot be written.

    """
    made = _ModelInferResponse(
        model_name=model, model_version=version or "", id=request.id
    )
    if response.parameters:
        parameters.write(response.parameters, made.parameters)
    outputs = [_classified(tensor, request.wanted) for tensor in response.outputs]
    typed = request.typed and all(
        tensor.datatype in tensors.CONTENTS for tensor in outputs
    )
    raws: list[bytes | memoryview] = []
    for tensor in outputs:
        _add(tensor, made, request.wanted, raws, memory, typed=typed)
    head: bytes = made.SerializeToString()
    if not raws:
        return head
    parts: list[bytes | memoryview] = [head]
    for chunk in raws:
        parts += wire.prefix(_RAW, len(chunk)), chunk
    return b"".join(parts)


def _classified(tensor: Tensor, wanted: Wanted) -> Tensor:
    count = wanted.classes.get(tensor.name, 0)
    return classify(tensor, count) if count else tensor


def _add(
    tensor: Tensor,
    made: Any,  # noqa: ANN401 - a ModelInferResponse
    wanted: Wanted,
    raws: list[bytes | memoryview],
    memory: SharedMemory | None,
    *,
    typed: bool,
) -> None:
    item = made.outputs.add(
        name=tensor.name, datatype=tensor.datatype, shape=tensor.data.shape
    )
    if tensor.parameters:
        given = {
            name: value
            for name, value in tensor.parameters.items()
            if name not in _OF_THE_INPUT
        }
        parameters.write(given, item.parameters)
    region = wanted.regions.get(tensor.name)
    if region is not None:
        used = put(tensors.to_raw(tensor.data, tensor.datatype), region, memory)
        parameters.write(region.parameters(used), item.parameters)
    elif typed:
        field, values = tensors.to_contents(tensor.data, tensor.datatype)
        getattr(item.contents, field).extend(values)
        item.contents.SetInParent()
    else:
        raws.append(tensors.to_raw(tensor.data, tensor.datatype))
