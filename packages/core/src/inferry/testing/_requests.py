"""Requests for the kit: a good one from what the model says, and ways to spoil it."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.model import (
    DATATYPES,
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def signature(model: Any) -> ModelMetadata | None:  # noqa: ANN401 - any model
    """Return the metadata of a loaded *model*, None if it has none."""
    made = getattr(model, "metadata", None)
    metadata: ModelMetadata | None = made() if made is not None else None
    return metadata


def example(model: Any) -> InferRequest | None:  # noqa: ANN401 - any model
    """Return a request that a loaded *model* should answer, None if it does not say."""
    warm_up = getattr(model, "warm_up", None)
    request: InferRequest | None = warm_up() if warm_up is not None else None
    if request is not None:
        return request
    metadata = signature(model)
    if metadata is None or not metadata.inputs:
        return None
    return InferRequest(inputs=tuple(zeros(spec) for spec in metadata.inputs))


def answer(
    model: Any,  # noqa: ANN401 - any model
    request: InferRequest,
) -> InferResponse:
    """Return what *model* answers, plain or asynchronous."""
    return answers(model, [request])[0]


def answers(
    model: Any,  # noqa: ANN401 - any model
    requests: Iterable[InferRequest],
) -> list[InferResponse]:
    """Return the answers to *requests*, asked at once where ``predict`` is async."""

    async def together() -> list[InferResponse]:
        return list(await asyncio.gather(*(model.predict(r) for r in requests)))

    if inspect.iscoroutinefunction(model.predict):
        return asyncio.run(together())
    return [model.predict(request) for request in requests]


def renamed(request: InferRequest) -> InferRequest:
    """Return *request* with a first input of an unknown name."""
    first = msgspec.structs.replace(request.inputs[0], name="no-such-input")
    return _with_first(request, first)


def reshaped(request: InferRequest, spec: TensorSpec) -> InferRequest:
    """Return *request* with a first input whose shape breaks *spec*."""
    data = request.inputs[0].data
    fixed = next((i for i, size in enumerate(spec.shape) if size > 0 and i > 0), None)
    spoiled = (
        data[np.newaxis]
        if fixed is None
        else np.concatenate([data, np.take(data, [0], axis=fixed)], axis=fixed)
    )
    first = msgspec.structs.replace(
        request.inputs[0], data=np.ascontiguousarray(spoiled)
    )
    return _with_first(request, first)


def retyped(request: InferRequest) -> InferRequest:
    """Return *request* with a first input of a type nobody could mean."""
    tensor = request.inputs[0]
    if tensor.datatype == "BYTES":
        data: np.ndarray[Any, Any] = np.zeros(tensor.data.shape, dtype="bool")
        return _with_first(
            request, Tensor(name=tensor.name, datatype="BOOL", data=data)
        )
    data = np.full(tensor.data.shape, b"no number", dtype=object)
    return _with_first(request, Tensor(name=tensor.name, datatype="BYTES", data=data))


def stacked(requests: list[InferRequest]) -> InferRequest:
    """Return one request with the rows of all *requests*."""
    columns = zip(*(request.inputs for request in requests), strict=True)
    return msgspec.structs.replace(
        requests[0],
        inputs=tuple(
            msgspec.structs.replace(
                column[0], data=np.concatenate([tensor.data for tensor in column])
            )
            for column in columns
        ),
    )


def assert_same(expected: InferResponse, actual: InferResponse) -> None:
    """Compare two answers tensor by tensor, floats to the last few bits."""
    assert [t.name for t in expected.outputs] == [t.name for t in actual.outputs]
    for one, other in zip(expected.outputs, actual.outputs, strict=True):
        assert one.datatype == other.datatype, f"output {one.name!r}"
        assert one.data.shape == other.data.shape, f"output {one.name!r}"
        if one.data.dtype.kind == "f":
            np.testing.assert_allclose(
                one.data, other.data, rtol=1e-4, atol=1e-6, err_msg=one.name
            )
        else:
            assert (one.data == other.data).all(), f"output {one.name!r}"


def fits(shape: tuple[int, ...], spec: TensorSpec) -> bool:
    """Return whether *shape* is one that *spec* allows; -1 is any size."""
    return len(shape) == len(spec.shape) and all(
        want in {-1, got} for want, got in zip(spec.shape, shape, strict=True)
    )


def _with_first(request: InferRequest, first: Tensor) -> InferRequest:
    return msgspec.structs.replace(request, inputs=(first, *request.inputs[1:]))


def zeros(spec: TensorSpec) -> Tensor:
    shape = tuple(1 if size < 0 else size for size in spec.shape)
    if spec.datatype == "BYTES":
        data: np.ndarray[Any, Any] = np.full(shape, b"", dtype=object)
    else:
        data = np.zeros(shape, dtype=DATATYPES[spec.datatype])
    return Tensor(name=spec.name, datatype=spec.datatype, data=data)
