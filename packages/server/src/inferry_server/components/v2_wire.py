"""V2 over HTTP as its client writes and reads it, tensors as raw bytes.

The bodies are described in `inferry_server.codec.v2`, which is the server's side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct

from inferry.model import InferResponse, Tensor
from inferry_server.codec import raw, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import InferRequest

#: What the transport says of a body, and not the one who asks.
TRANSPORT = frozenset({"binary_data_output", "binary_data_size"})


class _Output(Struct):
    name: str
    shape: list[int]
    datatype: str
    data: Any = UNSET
    parameters: dict[str, Any] | None = None


class _Document(Struct):
    outputs: list[_Output]
    parameters: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Document)


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return *parameters* without what is about the transport of another request."""
    return {
        name: value
        for name, value in parameters.items()
        if name not in TRANSPORT and not name.startswith("shared_memory_")
    }


def encode(request: InferRequest) -> tuple[bytes, int]:
    """Return the body of *request* and how much of it is JSON."""
    raws = [raw.to_bytes(tensor.data, tensor.datatype) for tensor in request.inputs]
    document: dict[str, Any] = {
        "inputs": [
            {
                "name": tensor.name,
                "shape": list(tensor.data.shape),
                "datatype": tensor.datatype,
                "parameters": {
                    **plain(tensor.parameters),
                    "binary_data_size": len(data),
                },
            }
            for tensor, data in zip(request.inputs, raws, strict=True)
        ],
        "parameters": {**plain(request.parameters), "binary_data_output": True},
    }
    if request.id:
        document["id"] = request.id
    if request.outputs:
        document["outputs"] = [
            {"name": name, "parameters": {"binary_data": True}}
            for name in request.outputs
        ]
    text = msgspec.json.encode(document)
    return b"".join([text, *raws]), len(text)


def decode(body: bytes, json_length: int | None) -> InferResponse:
    """Read an answer.

    Raises:
        ValueError: It is none.

    """
    view = memoryview(body)
    length = len(body) if json_length is None else json_length
    document = _decoder.decode(view[:length])
    at = length
    outputs = []
    for item in document.outputs:
        given = item.parameters or {}
        size = given.get("binary_data_size")
        if isinstance(size, int):
            chunk = view[at : at + size]
            at += size
            data = raw.from_bytes(chunk, item.datatype, item.shape, item.name)
        else:
            data = values.to_array(item.data, item.datatype, item.shape, item.name)
        outputs.append(
            Tensor(
                name=item.name,
                datatype=item.datatype,
                data=data,
                parameters=plain(given),
            )
        )
    return InferResponse(
        outputs=tuple(outputs), parameters=plain(document.parameters or {})
    )
