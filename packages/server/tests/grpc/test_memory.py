"""Shared memory over gRPC."""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from asking import asking, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Serve, SpecOf

OPEN = {"grpc_port": 0, "allow_shared_memory": True}


@pytest.fixture
def segment() -> Iterator[SharedMemory]:
    made = SharedMemory(create=True, size=64)
    yield made
    made.close()
    made.unlink()


def place(size: int, offset: int = 0) -> dict[str, dict[str, object]]:
    return {
        "shared_memory_region": {"string_param": "r"},
        "shared_memory_byte_size": {"int64_param": size},
        "shared_memory_offset": {"int64_param": offset},
    }


async def test_tensors_go_through_a_region(
    serve: Serve, spec: SpecOf, segment: SharedMemory
) -> None:
    data = np.array([3, 4], np.int32)
    segment.buf[:8] = data.tobytes()
    region = {"name": "r", "key": segment.name, "byte_size": 64}
    async with serve(spec("Echo"), **OPEN) as (server, _), asking(server) as ask:
        await ask("SystemSharedMemoryRegister", **region)
        status = (await ask("SystemSharedMemoryStatus")).regions
        assert dict(status)["r"].key == segment.name
        assert status["r"].byte_size == 64
        answer = await ask.infer(
            tensor(shape=[2], parameters=place(8)),
            outputs=[{"name": "x", "parameters": place(8, 16)}],
        )
        assert not answer.raw_output_contents
        assert bytes(segment.buf[16:24]) == data.tobytes()
        await ask("SystemSharedMemoryUnregister", name="r")
        assert not (await ask("SystemSharedMemoryStatus")).regions


async def test_nothing_is_registered_where_it_is_not_allowed(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        error = await ask.refusal("SystemSharedMemoryRegister", name="r", key="k")
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        assert not (await ask("SystemSharedMemoryStatus")).regions
        await ask("SystemSharedMemoryUnregister")
        error = await ask.refusal("SystemSharedMemoryStatus", name="r")
        assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_a_segment_that_is_not_there_is_refused(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Echo"), **OPEN) as (server, _), asking(server) as ask:
        error = await ask.refusal(
            "SystemSharedMemoryRegister", name="r", key="nowhere", byte_size=4
        )
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        error = await ask.refusal("SystemSharedMemoryStatus", name="r")
        assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_a_region_is_registered_once(
    serve: Serve, spec: SpecOf, segment: SharedMemory
) -> None:
    region = {"name": "r", "key": segment.name, "byte_size": 64}
    async with serve(spec("Echo"), **OPEN) as (server, _), asking(server) as ask:
        await ask("SystemSharedMemoryRegister", **region)
        error = await ask.refusal("SystemSharedMemoryRegister", **region)
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS


async def test_the_memory_of_a_gpu_is_refused_clearly(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Echo"), **OPEN) as (server, _), asking(server) as ask:
        error = await ask.refusal("CudaSharedMemoryRegister", name="r")
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "CUDA shared memory is not supported" in error.details()
        assert not (await ask("CudaSharedMemoryStatus")).regions
        await ask("CudaSharedMemoryUnregister")
        error = await ask.refusal("CudaSharedMemoryStatus", name="r")
        assert error.code() == grpc.StatusCode.NOT_FOUND
