"""V2 over HTTP, written from the protocol's text alone: no codec of the server is used.

Source: Open Inference Protocol, "Inference Request/Response JSON Object", "Binary
Tensor Data Extension".
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.model import DATATYPES, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import httpx

#: Says how many bytes of a body are its JSON; the tensors follow.
HEADER_LENGTH = "Inference-Header-Content-Length"
#: There is no JSON number or protobuf field for these two.
RAW_ONLY = frozenset({"BF16", "FP16"})


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request and the headers that belong to it."""

    content: bytes
    headers: Mapping[str, str] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response that was read: ``binary`` names the outputs that came as raw bytes."""

    status: int
    headers: Mapping[str, str]
    document: Any
    outputs: Mapping[str, Tensor] = {}
    binary: frozenset[str] = frozenset()

    @property
    def error(self) -> str:
        """The text of ``{"error": "..."}``; empty if the body is anything else."""
        if not isinstance(self.document, dict) or list(self.document) != ["error"]:
            return ""
        text = self.document["error"]
        return text if isinstance(text, str) else ""


def dtype_of(datatype: str) -> np.dtype[Any]:
    """Return the numpy dtype of a V2 *datatype*."""
    if datatype == "BF16":
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return found
    return np.dtype(DATATYPES[datatype])


def to_raw(tensor: Tensor) -> bytes:
    """Return the bytes of *tensor*: little-endian, row-major; BYTES with lengths."""
    if tensor.datatype != "BYTES":
        return np.ascontiguousarray(tensor.data).tobytes()
    return b"".join(struct.pack("<I", len(each)) + each for each in tensor.data.flat)


def from_raw(data: bytes, datatype: str, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return the array that the bytes *data* are."""
    if datatype != "BYTES":
        return np.frombuffer(data, dtype_of(datatype)).reshape(shape)
    elements, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        elements.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return objects(elements, shape)


def to_json(tensor: Tensor) -> list[Any]:
    """Return the elements of *tensor* as JSON has them, flat; BYTES must be UTF-8."""
    flat = tensor.data.reshape(-1)
    if tensor.datatype == "BYTES":
        return [element.decode() for element in flat]
    values: list[Any] = flat.tolist()
    return values


def from_json(data: Any, datatype: str, shape: Sequence[int]) -> np.ndarray[Any, Any]:  # noqa: ANN401 - any JSON
    """Return the array of the flat or nested JSON list *data*."""
    flat = list(_flattened(data))
    if datatype == "BYTES":
        return objects([text.encode() for text in flat], shape)
    return np.array(flat, dtype_of(datatype)).reshape(shape)


def document(
    inputs: Iterable[Tensor],
    *,
    binary: bool = False,
    outputs: Sequence[Mapping[str, Any]] | None = None,
    **rest: Any,  # noqa: ANN401 - further members of the request
) -> dict[str, Any]:
    """Return the JSON object of a request; its raw parts are not in it."""
    made: dict[str, Any] = {"inputs": [_input(each, binary=binary) for each in inputs]}
    if outputs is not None:
        made["outputs"] = list(outputs)
    return made | rest


def body(
    inputs: Sequence[Tensor],
    *,
    binary: bool = False,
    **rest: Any,  # noqa: ANN401 - as for document
) -> Body:
    """Return a request for *inputs*, as JSON or with the binary extension."""
    text = json.dumps(document(inputs, binary=binary, **rest)).encode()
    if not binary:
        return Body(content=text, headers={"Content-Type": "application/json"})
    raw = b"".join(to_raw(tensor) for tensor in inputs)
    length = {HEADER_LENGTH: str(len(text))}
    return Body(
        content=text + raw,
        headers={"Content-Type": "application/octet-stream"} | length,
    )


def read(response: httpx.Response) -> Answer:
    """Take *response* apart: what is JSON, what is raw, and each output's array."""
    content = response.content
    length = response.headers.get(HEADER_LENGTH)
    text = content if length is None else content[: int(length)]
    rest = b"" if length is None else content[int(length) :]
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    outputs, binary = {}, set()
    listed = parsed.get("outputs", []) if isinstance(parsed, dict) else []
    for told in listed:
        name, datatype, shape = told["name"], told["datatype"], told["shape"]
        size = (told.get("parameters") or {}).get("binary_data_size")
        if size is None and "data" not in told:
            continue  # metadata, or an output in shared memory
        if size is None:
            data = from_json(told["data"], datatype, shape)
        else:
            data, rest = from_raw(rest[:size], datatype, shape), rest[size:]
            binary.add(name)
        outputs[name] = Tensor(name=name, datatype=datatype, data=data)
    if rest:
        raise ValueError(f"{len(rest)} bytes follow the last output")
    return Answer(
        status=response.status_code,
        headers=response.headers,
        document=parsed,
        outputs=outputs,
        binary=frozenset(binary),
    )


def _input(tensor: Tensor, *, binary: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.data.shape),
    }
    if binary:
        size = len(to_raw(tensor))
        return made | {"parameters": {"binary_data_size": size}}
    return made | {"data": to_json(tensor)}


def objects(elements: list[Any], shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return an array of *elements*, which numpy must not look into."""
    made = np.empty(len(elements), object)
    made[:] = elements
    return made.reshape(shape)


def _flattened(data: Any) -> Iterable[Any]:  # noqa: ANN401 - any JSON
    if not isinstance(data, list):
        yield data
        return
    for each in data:
        yield from _flattened(each)
