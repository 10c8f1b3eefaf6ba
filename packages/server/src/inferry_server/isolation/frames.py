"""What goes between a server and the process of one model: a head, then bytes.

Eight bytes say how long the two are. The head is MessagePack; the bytes are the
tensors' in the binary form of V2, one after the other.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from inferry.model import InferRequest, InferResponse, ModelMetadata, Tensor
from inferry_server.codec.raw import from_bytes, to_bytes

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Sequence

_LENGTHS = Struct("<QQ")
#: More than this is no frame, but what a broken process wrote.
_LARGEST_HEAD = 64 * 1024 * 1024
_LARGEST = 1 << 40

Method = Literal["predict", "explain", "predict_v1", "warm_up"]


class Part(msgspec.Struct, frozen=True):
    """One tensor of the bytes behind a head."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int
    parameters: dict[str, Any] = {}


class Load(msgspec.Struct, frozen=True, tag="load"):
    """The first frame to a worker: which model to load; imports look in ``places``."""

    name: str
    target: str
    path: str
    options: dict[str, Any]
    places: tuple[str, ...]


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag="loaded"):
    """What there is to know of a model that is loaded.

    ``metadata`` is its signature; None where the model declares none.
    """

    methods: tuple[Method, ...]
    metadata: ModelMetadata | None = None
    batching: bool = False
    checks_inputs: bool = False
    max_concurrency: int = 1
    memory: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """A call of one method; ``body`` is what V1 brings, the tensors come behind."""

    method: Method
    parts: tuple[Part, ...] = ()
    body: Any = None
    outputs: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    headers: dict[str, str] = {}
    id: str | None = None
    model_name: str = ""
    model_version: str | None = None
    deadline: float | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """What a method gave back: tensors, a body, or nothing."""

    parts: tuple[Part, ...] = ()
    parameters: dict[str, Any] = {}
    body: Any = None
    is_empty: bool = False


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """What a method raised: an error of `inferry.errors` by name, or another."""

    kind: str
    message: str
    remedy: str = ""
    reason: str = ""


Frame = Load | Loaded | Ask | Told | Failed
_decoder = msgspec.msgpack.Decoder(Frame)
_encoder = msgspec.msgpack.Encoder()


def send(connection: socket.socket, head: Frame, data: Sequence[bytes] = ()) -> None:
    """Write *head* and the bytes of its tensors."""
    text = _encoder.encode(head)
    size = sum(len(each) for each in data)
    connection.sendall(_LENGTHS.pack(len(text), size) + text)
    for each in data:
        connection.sendall(each)


def receive(connection: socket.socket) -> tuple[Frame, memoryview]:
    """Read the next head and the bytes behind it.

    Raises:
        EOFError: The other side is gone.
        ValueError: What came is no frame.

    """
    head_size, size = _LENGTHS.unpack(_read(connection, _LENGTHS.size))
    if head_size > _LARGEST_HEAD or size > _LARGEST:
        msg = f"a frame of {head_size} and {size} bytes"
        raise ValueError(msg)
    try:
        head = _decoder.decode(_read(connection, head_size))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    return head, _read(connection, size)


def pack(tensors: Iterable[Tensor]) -> tuple[tuple[Part, ...], list[bytes]]:
    """Return *tensors* as the parts of a head and the bytes behind it."""
    parts: list[Part] = []
    data: list[Any] = []
    for tensor in tensors:
        raw = to_bytes(tensor.data, tensor.datatype)
        part = Part(
            tensor.name,
            tensor.datatype,
            tensor.data.shape,
            len(raw),
            dict(tensor.parameters),
        )
        parts.append(part)
        data.append(raw)
    return tuple(parts), data


def unpack(parts: Iterable[Part], data: memoryview) -> tuple[Tensor, ...]:
    """Return the tensors that *parts* name; they share the memory of *data*."""
    tensors, at = [], 0
    for part in parts:
        raw = data[at : at + part.size]
        at += part.size
        array = from_bytes(raw, part.datatype, part.shape, part.name)
        tensors.append(
            Tensor(
                name=part.name,
                datatype=part.datatype,
                data=array,
                parameters=part.parameters,
            )
        )
    return tuple(tensors)


def asked(method: Method, request: InferRequest) -> tuple[Ask, list[bytes]]:
    """Return the frame that asks *method* for *request*."""
    parts, data = pack(request.inputs)
    ask = Ask(
        method=method,
        parts=parts,
        outputs=request.outputs,
        parameters=dict(request.parameters),
        headers=dict(request.headers),
        id=request.id,
        model_name=request.model_name,
        model_version=request.model_version,
        deadline=request.deadline,
    )
    return ask, data


def request_of(ask: Ask, data: memoryview) -> InferRequest:
    """Return the request that *ask* is."""
    return InferRequest(
        inputs=unpack(ask.parts, data),
        outputs=ask.outputs,
        parameters=ask.parameters,
        headers=ask.headers,
        id=ask.id,
        model_name=ask.model_name,
        model_version=ask.model_version,
        deadline=ask.deadline,
    )


def told(answer: InferResponse | InferRequest) -> tuple[Told, list[bytes]]:
    """Return the frame that tells *answer*; a request is what warm-up gives."""
    tensors = answer.outputs if isinstance(answer, InferResponse) else answer.inputs
    parts, data = pack(tensors)
    return Told(parts=parts, parameters=dict(answer.parameters)), data


def _read(connection: socket.socket, size: int) -> memoryview:
    whole = memoryview(bytearray(size))
    at = 0
    while at < size:
        count = connection.recv_into(whole[at:])
        if not count:
            raise EOFError
        at += count
    return whole
