"""Run in an environment of its own: what KServe's clients make of our server.

Prints one JSON object: the name of each check and "ok", or what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    RESTConfig,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MODEL = "echo"
DATATYPES = {
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
    "FP32": "float32",
    "FP64": "float64",
}
CHECKS: dict[str, Callable[[str, str], Awaitable[None]]] = {}


def check(function: Callable[[str, str], Awaitable[None]]) -> Any:
    """Add *function* to what is run."""
    CHECKS[function.__name__] = function
    return function


def asked(
    data: np.ndarray, datatype: str, *, binary: bool, **rest: Any
) -> InferRequest:
    """Return a request for one input."""
    given = InferInput("x", list(data.shape), datatype)
    given.set_data_from_numpy(data, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[given], **rest)


def answered(response: Any) -> np.ndarray:
    """Return the one output."""
    (output,) = response.outputs
    assert output.name == "x"
    found: np.ndarray = output.as_numpy()
    return found


async def raised(call: Awaitable[object]) -> Any:
    """Return the error that *call* ends with."""
    try:
        await call
    except (grpc.RpcError, httpx.HTTPStatusError) as error:
        return error
    raise AssertionError("an unknown model was answered")


@check
async def rest_health(url: str, _: str) -> None:
    """Liveness and readiness over V1 and V2."""
    for protocol in ("v1", "v2"):
        client = InferenceRESTClient(RESTConfig(protocol=protocol))
        assert await client.is_server_live(url) is True
        assert await client.is_model_ready(url, MODEL) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, "nobody") is False


@check
async def rest_v1_predict(url: str, _: str) -> None:
    """A prediction of V1."""
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    rows = {"instances": [[1.0, 2.0], [3.0, 4.0]]}
    told = await client.infer(url, rows, model_name=MODEL)
    assert told == {"predictions": rows["instances"]}, told


@check
async def rest_v1_explain(url: str, _: str) -> None:
    """An explanation of V1."""
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    told = await client.explain(url, MODEL, {"instances": [[1.0, 2.0]]})
    assert told == {"explanations": [[1.0, 2.0]]}, told


@check
async def rest_v2_infer(url: str, _: str) -> None:
    """Each datatype, as JSON and as raw bytes, with and without an id."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    for datatype, dtype in DATATYPES.items():
        data = np.array([[0, 1, 1], [1, 0, 1]], dtype)
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue  # the client refuses it
            for more in ({}, {"request_id": "a-1"}):
                for out in ({}, {"parameters": {"binary_data_output": True}}):
                    request = asked(data, datatype, binary=binary, **more, **out)
                    if datatype == "FP16" and not out:
                        continue  # the client cannot read it in JSON
                    response = await client.infer(url, request, model_name=MODEL)
                    given = answered(response)
                    assert given.dtype == data.dtype, (datatype, given.dtype)
                    assert (given == data).all(), (datatype, given)
                    assert not more or response.id == "a-1"


@check
async def rest_v2_texts(url: str, _: str) -> None:
    """Texts; this client cannot read bytes that are none, whoever sends them."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    texts = np.array(["grüße".encode(), b"", b"plain"], object)
    for binary in (True, False):
        request = asked(texts, "BYTES", binary=binary)
        given = answered(await client.infer(url, request, model_name=MODEL))
        found = [t.encode() if isinstance(t, str) else t for t in given.flat]
        assert found == texts.tolist(), found


@check
async def rest_errors(url: str, _: str) -> None:
    """The client reads the reason."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    request = asked(np.ones(2, "float32"), "FP32", binary=False)
    error = await raised(client.infer(url, request, model_name="nobody"))
    assert error.response.status_code == 404, error
    assert "nobody" in str(error).partition(", '404")[0], error


@check
async def grpc_health(_: str, address: str) -> None:
    """Liveness and readiness."""
    async with InferenceGRPCClient(address) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready(MODEL)


@check
async def grpc_infer(_: str, address: str) -> None:
    """Each datatype, typed and raw."""
    async with InferenceGRPCClient(address) as client:
        for datatype, dtype in DATATYPES.items():
            data = np.array([[0, 1, 1], [1, 0, 1]], dtype)
            for binary in (True, False):
                if datatype == "FP16" and not binary:
                    continue  # there is no field for it
                request = asked(data, datatype, binary=binary, request_id="a-2")
                response = await client.infer(request)
                given = answered(response)
                assert given.dtype == data.dtype, (datatype, given.dtype)
                assert (given == data).all(), (datatype, given)
                assert response.id == "a-2"
        texts = np.array([b"\xff\x00", b"", "grüße".encode()], object)
        given = answered(await client.infer(asked(texts, "BYTES", binary=True)))
        assert given.tolist() == texts.tolist(), given


@check
async def grpc_errors(_: str, address: str) -> None:
    """The status of an unknown model."""
    async with InferenceGRPCClient(address) as client:
        request = asked(np.ones(2, "float32"), "FP32", binary=True)
        request.model_name = "nobody"
        error = await raised(client.infer(request))
        assert error.code() == grpc.StatusCode.NOT_FOUND, error


@check
async def grpc_repository(_: str, address: str) -> None:
    """KServe's messages, whose fields are numbered otherwise, unload and load."""
    from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb2
    from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs

    async with grpc.aio.insecure_channel(address) as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        gone = await stub.RepositoryModelUnload(
            pb2.RepositoryModelUnloadRequest(model_name=MODEL)
        )
        assert (gone.model_name, gone.isUnloaded) == (MODEL, True), gone
        back = await stub.RepositoryModelLoad(
            pb2.RepositoryModelLoadRequest(model_name=MODEL)
        )
        assert (back.model_name, back.isLoaded) == (MODEL, True), back
        ready = await stub.ModelReady(pb2.ModelReadyRequest(name=MODEL))
        assert ready.ready


async def main(url: str, address: str) -> None:
    """Run every check, one after the other."""
    told = {}
    for name, function in CHECKS.items():
        try:
            await asyncio.wait_for(function(url, address), 60)
            told[name] = "ok"
        except Exception:  # noqa: BLE001 - whatever goes wrong is the verdict
            told[name] = traceback.format_exc()[-1500:]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
