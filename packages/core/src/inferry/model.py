"""What a runtime implements, and the tensors that pass through it.

A runtime is any class with the methods of `Model`; there is nothing to inherit from.
The optional methods are found by presence and named in `Model`'s docstring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

    import numpy as np

__all__ = [
    "DATATYPES",
    "InferRequest",
    "InferResponse",
    "Model",
    "ModelMetadata",
    "Tensor",
    "TensorSpec",
    "Upstream",
]

#: V2 datatype -> numpy dtype name. BYTES is an object array whose elements are bytes;
#: BF16 is `ml_dtypes.bfloat16`, which numpy knows only once ml_dtypes is imported.
DATATYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "FP16": "float16",
    "BF16": "bfloat16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}


class Tensor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One named tensor of the V2 protocol.

    ``data`` is in C order and its shape is the tensor's; BYTES has dtype object with
    elements of type bytes, BF16 has dtype ``ml_dtypes.bfloat16``.
    """

    name: str
    datatype: str
    data: np.ndarray[Any, Any]
    parameters: Mapping[str, Any] = {}


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a model takes or gives: -1 in ``shape`` is a dimension of any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The signature of a model; ``platform`` names its format, as Triton's does."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    platform: str = ""
    versions: tuple[str, ...] = ()


class InferRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One inference call, the same for V1, V2 and gRPC.

    ``outputs`` names the outputs that were asked for, empty means all but those that
    the model gives only when they are named.
    ``headers`` holds only the headers that settings allow, names in lower case.
    ``deadline`` is a time of `time.monotonic`, after which the answer is of no use.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    id: str | None = None
    model_name: str = ""
    model_version: str | None = None
    deadline: float | None = None


class InferResponse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one inference call."""

    outputs: tuple[Tensor, ...]
    parameters: Mapping[str, Any] = {}


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """A server that speaks V2 for a model, which runs beside ours or elsewhere.

    ``http`` and ``grpc`` are ``host:port``; ``names`` are all models that it answers
    for, ``name`` is the one among them that the model itself is, "" for none.
    """

    http: str
    grpc: str
    name: str
    names: frozenset[str]


@runtime_checkable
class Model(Protocol):
    """What serves one model.

    Optional, found by presence:

    - ``metadata() -> ModelMetadata``: after load; without it inputs are not checked.
    - ``warm_up() -> InferRequest | None``: the request that must succeed before the
      model is ready. Without it one is made from the metadata; None means there is
      none to make.
    - ``explain(request) -> InferResponse``
    - ``predict_v1(body) -> body``: for a model that wants the V1 body as it is.
    - ``stream(request) -> AsyncIterator[InferResponse]``
    - ``batching: bool``: rows of axis 0 are independent of each other.
    - ``checks_inputs: bool``: ``predict`` checks and converts its inputs by itself, so
      the server passes them on as they come; metadata then says what suits best.
    - ``inline: bool``: the time of ``predict`` depends on nothing but the size of its
      inputs, so the server may run quick calls on its event loop, without a thread.
    - ``max_concurrency: int``: calls of ``predict`` at one time, default 1 for ``def``.
    - ``generation: Generation``: after load; see `inferry.generation`.
    - ``openai: Mapping[Operation, Answerer]``: after load; see `inferry.openai`.
    - ``memory: int``: bytes that the model holds, on all devices; without it the server
      takes what the process has grown by.
    - ``upstream: Upstream``: after load; what V2 clients send is passed on to there
      byte for byte, and so are the answers. ``predict`` answers the rest, such as V1.
    - ``served_name: str``: set before load to the name that the model is served by.
    - ``why_unhealthy: str``: what keeps a loaded model from being ready now, "" for
      nothing.
    """

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Load the model from *path*, a file or a folder; may block.

        Raises:
            ModelLoadError: With the reason and what to do. Never returns False.

        """

    def predict(
        self, request: InferRequest
    ) -> InferResponse | Awaitable[InferResponse]:
        """Answer *request*; ``def`` runs in a worker thread, ``async def`` on the loop.

        Raises:
            InvalidInput: The request does not fit the model.

        """

    def unload(self) -> None:
        """Free what `load` took; called once, never during `predict`."""
