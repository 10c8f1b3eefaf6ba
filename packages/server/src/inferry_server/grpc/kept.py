"""Requests whose beginning repeats: what was read of one holds for the next.

A client mostly sends the same names, datatype and shape again and again, and only the
bytes of the tensor are others. These come last in the message, raw or packed. So the
bytes before them say all the rest, and are the key here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from inferry.model import Tensor
from inferry_server.codec.raw import from_bytes
from inferry_server.grpc.requests import RAW, Request
from inferry_server.grpc.wire import prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 512
_MOST = 1024
#: Typed values that lie in the message as they do in memory.
_PACKED = frozenset({"FP32", "FP64"})


class _Known(Struct, frozen=True, gc=False):
    """A request without its data, and how long its message is."""

    size: int
    request: Request
    name: str
    datatype: str
    shape: tuple[int, ...]


class Kept:
    """The requests that were read, by their beginnings; tensors are as bounded."""

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self._known: dict[bytes, _Known] = {}
        #: Length of a message -> that of the beginning it had last.
        self._starts: dict[int, int] = {}

    def find(self, body: bytes) -> Request | None:
        """Return the request in *body* where its beginning is known.

        Raises:
            InvalidInput: The tensor has no values of its datatype.

        """
        start = self._starts.get(len(body))
        if start is None:
            return None
        known = self._known.get(body[:start])
        if known is None or known.size != len(body):
            return None
        name, datatype = known.name, known.datatype
        rest = memoryview(body)[start:]
        data = from_bytes(rest, datatype, known.shape, name, self._max_elements)
        kept = known.request
        return Request(
            kept.model,
            kept.version,
            "",
            (Tensor(name=name, datatype=datatype, data=data),),
            kept.wanted,
            kept.parameters,
            kept.typed,
        )

    def keep(
        self,
        body: bytes,
        parsed: Any,  # noqa: ANN401 - a ModelInferRequest
        raws: Sequence[bytes | memoryview],
        request: Request,
    ) -> None:
        """Remember the *request* that was read from *body*, if it may come again.

        *parsed* and *raws* are of `requests.parse`.
        """
        if not _may_repeat(request):
            return
        tensor = request.inputs[0]
        data = raws[0] if raws else tensor.data.tobytes()
        start = len(body) - len(data)
        if not 0 < start <= _LONGEST or not _is_last(data, body, parsed, raws):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
            self._starts.clear()
        self._starts[len(body)] = start
        self._known[body[:start]] = _Known(
            len(body),
            msgspec.structs.replace(request, inputs=()),
            tensor.name,
            tensor.datatype,
            tensor.data.shape,
        )


def _is_last(
    data: bytes | memoryview,
    body: bytes,
    parsed: Any,  # noqa: ANN401 - a ModelInferRequest
    raws: Sequence[bytes | memoryview],
) -> bool:
    """Say whether *data* is the last field of *body*, and not what looks like it."""
    if not raws:
        return not parsed.outputs and body == parsed.SerializeToString()
    head = type(parsed)()
    head.CopyFrom(parsed)
    head.ClearField("raw_input_contents")
    before = head.SerializeToString() + prefix(RAW, len(data))
    return body.startswith(before) and memoryview(body)[len(before) :] == data


def _may_repeat(request: Request) -> bool:
    """Say whether nothing but its one tensor sets *request* apart from others."""
    if len(request.inputs) != 1 or request.id or request.parameters:
        return False
    tensor = request.inputs[0]
    if tensor.parameters or request.wanted.regions or not tensor.data.size:
        return False
    return not request.typed or tensor.datatype in _PACKED
