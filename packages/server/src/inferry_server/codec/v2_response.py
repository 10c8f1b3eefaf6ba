"""Responses of the V2 protocol, each output in the form that is wanted.

The text of an answer repeats but for its numbers: what stands before the numbers of an
output is kept by name, datatype and shape. `_document` says what is written; `_text`
writes the same bytes in less time wherever there are no parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from msgspec import Struct

from inferry.errors import InferenceError
from inferry_server.codec import raw, values
from inferry_server.codec.classification import classify
from inferry_server.codec.shared_memory import put
from inferry_server.codec.wanted import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.model import InferResponse, Tensor
    from inferry_server.codec.shared_memory import SharedMemory
    from inferry_server.codec.wanted import Wanted

    Chunk = bytes | memoryview

_KEPT = 2048
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_dumps = orjson.dumps
#: Datatypes whose arrays orjson does not know.
_NOT_DIRECT = frozenset({"BF16", "BYTES"})
_heads: dict[tuple[str, str | None], bytes] = {}
_outputs: dict[tuple[str, str, tuple[int, ...]], bytes] = {}


class Body(Struct, frozen=True, gc=False):
    """An encoded response; ``json_length`` is set only if raw bytes follow the JSON."""

    parts: list[bytes | memoryview]
    json_length: int | None = None


def encode(
    response: InferResponse,
    wanted: Wanted,
    *,
    model: str,
    version: str | None = None,
    request_id: str | None = None,
    memory: SharedMemory | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Body:
    """Write *response*, each of its outputs in the form that is wanted.

    *labels* name the classes of an output that is classified.

    Raises:
        InvalidInput: An output that JSON cannot carry was not asked for as binary, has
            no classes, or does not fit into its shared memory.
        InferenceError: The model gave back what cannot be written.

    """
    outputs = response.outputs
    if wanted.classes:
        outputs = _classified(outputs, wanted.classes, labels or {})
    if not response.parameters and (wanted is EVERYTHING or _is_json(wanted)):
        text = _text(outputs, model, version, request_id)
        if text is not None:
            return Body([text])
    raws: list[Chunk] = []
    items = [_item(tensor, wanted, raws, memory) for tensor in outputs]
    document = dump(_document(items, response, model, version, request_id), model)
    # Raw bytes that are all empty still need the header, or the client sees no data.
    return Body([document, *raws], len(document) if raws else None)


def _classified(
    outputs: tuple[Tensor, ...],
    classes: Mapping[str, int],
    labels: Mapping[str, Sequence[str]],
) -> tuple[Tensor, ...]:
    return tuple(
        classify(tensor, classes[tensor.name], labels=labels.get(tensor.name, ()))
        if tensor.name in classes
        else tensor
        for tensor in outputs
    )


def _is_json(wanted: Wanted) -> bool:
    """Say whether all outputs go as JSON."""
    if wanted.binary_by_default or wanted.regions:
        return False
    return not any(wanted.binary.values())


def _text(
    outputs: tuple[Tensor, ...],
    model: str,
    version: str | None,
    request_id: str | None,
) -> bytes | None:
    """Write what has no parameters; None is what only `_document` can write or name."""
    parts = [_heads.get((model, version)) or _head(model, version)]
    before = b',"outputs":['
    try:
        if request_id is not None:
            parts += b',"id":', _dumps(request_id)
        for tensor in outputs:
            if tensor.parameters:
                return None
            name, datatype, data = tensor.name, tensor.datatype, tensor.data
            key = (name, datatype, data.shape)
            flat = data.ravel()
            if datatype in _NOT_DIRECT:
                flat = values.to_json(flat, datatype, name)
            numbers = _dumps(flat, None, _NUMPY)
            parts += before, _outputs.get(key) or _output(*key), numbers
            before = b"},"
    except (TypeError, orjson.JSONEncodeError):
        return None
    parts.append(b"}]}" if outputs else b',"outputs":[]}')
    return b"".join(parts)


def _head(model: str, version: str | None) -> bytes:
    head = {"model_name": model}
    if version is not None:
        head["model_version"] = version
    if len(_heads) >= _KEPT:
        _heads.clear()
    return _heads.setdefault((model, version), _dumps(head)[:-1])


def _output(name: str, datatype: str, shape: tuple[int, ...]) -> bytes:
    item = {"name": name, "datatype": datatype, "shape": list(shape)}
    if len(_outputs) >= _KEPT:
        _outputs.clear()
    return _outputs.setdefault((name, datatype, shape), _dumps(item)[:-1] + b',"data":')


def _document(
    items: list[dict[str, Any]],
    response: InferResponse,
    model: str,
    version: str | None,
    request_id: str | None,
) -> dict[str, Any]:
    document: dict[str, Any] = {"model_name": model}
    if version is not None:
        document["model_version"] = version
    if request_id is not None:
        document["id"] = request_id
    if response.parameters:
        document["parameters"] = response.parameters
    document["outputs"] = items
    return document


def _item(
    tensor: Tensor, wanted: Wanted, raws: list[Chunk], memory: SharedMemory | None
) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.data.shape),
    }
    parameters = dict(tensor.parameters)
    parameters.pop("binary_data_size", None)
    region = wanted.regions.get(tensor.name)
    if region is not None:
        chunk = raw.to_bytes(tensor.data, tensor.datatype)
        parameters |= region.parameters(put(chunk, region, memory))
    elif wanted.is_binary(tensor.name):
        chunk = raw.to_bytes(tensor.data, tensor.datatype)
        raws.append(chunk)
        parameters["binary_data_size"] = len(chunk)
    else:
        flat = tensor.data.reshape(-1)
        item["data"] = values.to_json(flat, tensor.datatype, tensor.name)
    if parameters:
        item["parameters"] = parameters
    return item


def dump(document: object, model: str) -> bytes:
    """Write *document* as JSON.

    Raises:
        InferenceError: It holds what JSON has no word for.

    """
    try:
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InferenceError(
            f"model {model!r}: its answer cannot be written as JSON: {error}"
        ) from error


def _plain(value: object) -> object:
    """Give orjson what it does not take by itself: arrays of another order or kind."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(type(value).__name__)
