"""The first inference, which a model must answer before it is ready."""

from __future__ import annotations

import asyncio
import inspect
import math
from typing import TYPE_CHECKING

import numpy as np

from inferry.errors import InvalidInput
from inferry.model import InferRequest, Tensor
from inferry_server.calls import Call
from inferry_server.codec import signature, v1, v2
from inferry_server.codec.datatypes import dtype_of
from inferry_server.workers import in_thread

if TYPE_CHECKING:
    from inferry.model import ModelMetadata, TensorSpec
    from inferry_server.loaded import LoadedModel


#: A declared shape of more elements than this is no sensible first request.
_MAX_ELEMENTS = 64 * 1024 * 1024


async def warm_up(model: LoadedModel) -> str:
    """Run the model's first inference; return a note if there was none that counts.

    Raises:
        Exception: Whatever the model raised; InvalidInput only for its own request.

    """
    own = getattr(model.instance, "warm_up", None)
    if own is None:
        return await _with_zeros(model)
    request = await in_thread(f"inferry-warm-up-{model.name}", own)
    if inspect.isawaitable(request):
        request = await request
    if request is None:
        return ""
    if not isinstance(request, InferRequest):
        msg = (
            f"warm_up returned {type(request).__name__}, expected InferRequest or None"
        )
        raise TypeError(msg)
    await _answer(model, request)
    return ""


async def _with_zeros(model: LoadedModel) -> str:
    request = zeros(model.metadata, model.name)
    if request is None:
        return "not warmed up: the model declares no inputs"
    try:
        await _answer(model, request)
    except InvalidInput as error:
        # Zeros fit the declared inputs, but not what the model means by them.
        return f"not warmed up: the model refuses zeros ({error})"
    return ""


async def _answer(model: LoadedModel, request: InferRequest) -> None:
    answer = model.predict(request, Call("v2", {}))
    response = await answer if inspect.isawaitable(answer) else answer
    wanted = v2.Wanted(binary_by_default=True)
    body = await asyncio.to_thread(v2.encode, response, wanted, model=model.name)
    del body
    signature.check_response(response, model.name)
    v1.encode(response)


def zeros(metadata: ModelMetadata, model: str) -> InferRequest | None:
    """Return a request of zeros as *metadata* declares them; any size is 1.

    None if nothing is declared, or so much that a request of it makes no sense.
    """
    if not metadata.inputs:
        return None
    sizes = [math.prod(abs(size) for size in spec.shape) for spec in metadata.inputs]
    if sum(sizes) > _MAX_ELEMENTS:
        return None
    tensors = tuple(_zero(spec) for spec in metadata.inputs)
    return InferRequest(inputs=tensors, model_name=model, id="warm-up")


def _zero(spec: TensorSpec) -> Tensor:
    shape = tuple(1 if size < 0 else size for size in spec.shape)
    data = np.zeros(shape, dtype_of(spec.datatype, spec.name))
    if spec.datatype == "BYTES":
        data.fill(b"")
    return Tensor(name=spec.name, datatype=spec.datatype, data=data)
