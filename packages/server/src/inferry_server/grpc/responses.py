"""A ``ModelInferResponse`` from tensors to its bytes.

What an answer repeats, the names of the model and of its outputs, is kept as bytes;
the tensors are put behind it and copied once. protobuf writes the rest: messages may
be written in parts, which are put together by putting one behind the other.
Source: protobuf, "Encoding", "Last One Wins" and "Packed Repeated Fields".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_server.codec import tensors
from inferry_server.codec.classification import classify
from inferry_server.codec.shared_memory import BYTE_SIZE, OFFSET, REGION, put
from inferry_server.grpc import parameters
from inferry_server.grpc.messages import message
from inferry_server.grpc.wire import prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import InferResponse, Tensor
    from inferry_server.codec.shared_memory import SharedMemory
    from inferry_server.codec.wanted import Wanted
    from inferry_server.grpc.requests import Request

    Chunk = bytes | memoryview

_ModelInferResponse = message("ModelInferResponse")
_InferOutputTensor = message("ModelInferResponse.InferOutputTensor")
_InferTensorContents = message("InferTensorContents")
#: Numbers of fields.
_ID, _OUTPUTS, _RAW = 3, 5, 6
_CONTENTS = 5
#: Datatype -> the number of the field whose packed values are the tensor's own bytes.
PACKED = {"BOOL": 1, "FP32": 6, "FP64": 7}
#: What an input says of its own bytes; a model that gives it back does not mean it.
_OF_THE_INPUT = (REGION, BYTE_SIZE, OFFSET, "binary_data_size")
_KEPT = 2048
_heads: dict[tuple[str, str | None], bytes] = {}
_outputs: dict[tuple[str, str, tuple[int, ...]], bytes] = {}
#: Name, datatype, shape, whether typed -> an output's message up to its values.
_begins: dict[tuple[str, str, tuple[int, ...], bool], bytes] = {}


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
    parts: list[Chunk] = [_heads.get((model, version)) or _head(model, version)]
    if request.id:
        identity = request.id.encode()
        parts += prefix(_ID, len(identity)), identity
    if response.parameters:
        made = _ModelInferResponse()
        parameters.write(response.parameters, made.parameters)
        parts.append(made.SerializeToString())
    outputs = response.outputs
    if request.wanted.classes:
        outputs = tuple(_classified(tensor, request.wanted) for tensor in outputs)
    typed = request.typed and all(
        tensor.datatype in tensors.CONTENTS for tensor in outputs
    )
    raws: list[Chunk] = []
    regions = request.wanted.regions
    for tensor in outputs:
        is_plain = not tensor.parameters and tensor.name not in regions
        key = (tensor.name, tensor.datatype, tensor.data.shape, typed)
        begin = _begins.get(key) if is_plain else None
        if begin is None:
            item = _item(tensor, request.wanted, raws, memory, typed=typed)
            parts += prefix(_OUTPUTS, sum(map(len, item))), *item
            if is_plain:
                _keep_begin(key, item)
        else:
            parts.append(begin)
            values = tensors.to_raw(tensor.data, tensor.datatype)
            (parts if typed else raws).append(values)
    for chunk in raws:
        parts += prefix(_RAW, len(chunk)), chunk
    return b"".join(parts)


def _head(model: str, version: str | None) -> bytes:
    made = _ModelInferResponse(model_name=model, model_version=version or "")
    if len(_heads) >= _KEPT:
        _heads.clear()
    return _heads.setdefault((model, version), made.SerializeToString())


def _output(name: str, datatype: str, shape: tuple[int, ...]) -> bytes:
    made = _InferOutputTensor(name=name, datatype=datatype, shape=shape)
    if len(_outputs) >= _KEPT:
        _outputs.clear()
    return _outputs.setdefault((name, datatype, shape), made.SerializeToString())


def _keep_begin(key: tuple[str, str, tuple[int, ...], bool], item: list[Chunk]) -> None:
    """Keep what stands before the values of *item*, where those have one length."""
    _, datatype, shape, typed = key
    if typed and (datatype not in PACKED or 0 in shape):
        return
    if len(_begins) >= _KEPT:
        _begins.clear()
    before = item[:-1] if typed else item
    _begins[key] = b"".join((prefix(_OUTPUTS, sum(map(len, item))), *before))


def _classified(tensor: Tensor, wanted: Wanted) -> Tensor:
    count = wanted.classes.get(tensor.name, 0)
    return classify(tensor, count) if count else tensor


def _item(
    tensor: Tensor,
    wanted: Wanted,
    raws: list[Chunk],
    memory: SharedMemory | None,
    *,
    typed: bool,
) -> list[Chunk]:
    """Return the parts of the message of one output; its raw bytes go to *raws*."""
    key = (tensor.name, tensor.datatype, tensor.data.shape)
    item: list[Chunk] = [_outputs.get(key) or _output(*key)]
    if tensor.parameters:
        given = {
            name: value
            for name, value in tensor.parameters.items()
            if name not in _OF_THE_INPUT
        }
        item.append(_parameters(given))
    region = wanted.regions.get(tensor.name)
    if region is not None:
        used = put(tensors.to_raw(tensor.data, tensor.datatype), region, memory)
        item.append(_parameters(region.parameters(used)))
    elif typed:
        contents = _contents(tensor)
        item += prefix(_CONTENTS, sum(map(len, contents))), *contents
    else:
        raws.append(tensors.to_raw(tensor.data, tensor.datatype))
    return item


def _parameters(given: Mapping[str, Any]) -> bytes:
    made = _InferOutputTensor()
    parameters.write(given, made.parameters)
    written: bytes = made.SerializeToString()
    return written


def _contents(tensor: Tensor) -> list[Chunk]:
    number = PACKED.get(tensor.datatype)
    if number is not None:
        packed = tensors.to_raw(tensor.data, tensor.datatype)
        return [prefix(number, len(packed)), packed] if packed else []
    field, values = tensors.to_contents(tensor.data, tensor.datatype)
    return [_InferTensorContents(**{field: values}).SerializeToString()]
