"""A transformer or an explainer in front of a predictor, both real servers."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from served_models import SlowAsync

from inferry_server.components.rpc import RpcClient
from inferry_server.states import Predictor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving import Serve, SpecOf


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PROTOCOLS = ("v1", "v2", "grpc-v2")
PREDICT = "/v1/models/m:predict"
INFER = "/v2/models/m/infer"
ROWS = {"instances": [[1.0, 2.0, 3.0, 4.0]]}
TENSOR = {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}


@pytest.fixture
def chain(serve: Serve, spec: SpecOf) -> Any:
    """Return what serves a component in front of a predictor."""

    @asynccontextmanager
    async def made(
        component: str,
        protocol: str = "v2",
        predictor: str = "Iris",
        *,
        options: dict[str, Any] | None = None,
        **more: Any,
    ) -> AsyncIterator[httpx.AsyncClient]:
        behind = spec(predictor, options=options or {})
        closed = {"forwarded_headers": ("authorization", "traceparent", "x-request-id")}
        async with serve(behind, grpc_port=0, **closed) as (there, _):
            port = there.ports.grpc if protocol == "grpc-v2" else there.ports.http
            here = spec(
                f"served_components:{component}",
                predictor=Predictor(
                    host=f"127.0.0.1:{port}", protocol=protocol, **more
                ),
                options={"factor": "3"} if component == "Loads" else {},
            )
            async with serve(here) as (server, client):
                assert server.states()["m"].message == ""
                yield client

    return made


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("component", ["Doubles", "AsyncDoubles"])
async def test_both_steps_run_over_every_protocol(
    component: str, protocol: str, chain: Any
) -> None:
    async with chain(component, protocol) as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.json() == {"predictions": [-20.0]}
        reply = await client.post(INFER, json={"id": "7", "inputs": [TENSOR]})
        assert reply.json()["id"] == "7"
        assert reply.json()["outputs"][0]["data"] == [-20.0]


@pytest.mark.parametrize("protocol", ["v2", "grpc-v2"])
@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("UINT64", [2**64 - 1, 0]),
        ("INT8", [-128, 127]),
        ("FP64", [0.1, -1e300]),
        ("BYTES", ["", "ü"]),
    ],
)
async def test_tensors_pass_through_unchanged(
    protocol: str, datatype: str, data: list[Any], chain: Any
) -> None:
    tensor = {"name": "x", "datatype": datatype, "shape": [2], "data": data}
    async with chain("Passes", protocol, "Echo") as client:
        reply = await client.post(INFER, json={"inputs": [tensor]})
        assert reply.json()["outputs"] == [tensor]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_several_inputs_keep_their_names(protocol: str, chain: Any) -> None:
    rows = {"instances": [{"text": "a", "size": [1]}, {"text": "b", "size": [2]}]}
    async with chain("Passes", protocol, "Pair") as client:
        reply = await client.post(PREDICT, json=rows)
        assert reply.json() == {"predictions": rows["instances"]}


@pytest.mark.parametrize("protocol", ["v2", "grpc-v2"])
async def test_only_the_outputs_asked_for_come_back(protocol: str, chain: Any) -> None:
    inputs = [
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        {"name": "size", "datatype": "INT32", "shape": [1, 1], "data": [1]},
    ]
    body = {"inputs": inputs, "outputs": [{"name": "size"}]}
    async with chain("Passes", protocol, "Pair") as client:
        reply = await client.post(INFER, json=body)
        assert [one["name"] for one in reply.json()["outputs"]] == ["size"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_explainer_asks_the_predictor_from_a_thread(
    protocol: str, chain: Any
) -> None:
    async with chain("Explains", protocol) as client:
        reply = await client.post("/v1/models/m:explain", json=ROWS)
        assert reply.json() == {"explanations": [[1.0, 2.0, 3.0, 4.0]]}
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.json() == {"predictions": [10.0]}


async def test_an_explainer_asks_the_predictor_on_the_loop(chain: Any) -> None:
    async with chain("AsyncExplains") as client:
        reply = await client.post("/v1/models/m:explain", json=ROWS)
        assert reply.json() == {"explanations": [100.0]}


async def test_a_class_may_predict_by_itself(chain: Any) -> None:
    async with chain("Instead") as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.json() == {"predictions": ROWS["instances"]}


async def test_load_is_given_path_and_options(chain: Any) -> None:
    async with chain("Loads") as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.json() == {"predictions": [30.0]}
    from served_components import Loads

    assert Loads.unloaded


async def test_bodies_of_v1_may_be_taken_as_they_are(chain: Any) -> None:
    async with chain("Dicts", "v1") as client:
        reply = await client.post(PREDICT, json={"rows": [{"x": [1, 2, 3, 4]}]})
        assert reply.json() == {"answers": [10.0]}


@pytest.mark.parametrize(
    ("component", "protocol"),
    [("V1Headers", "v1"), *(("Passes", protocol) for protocol in PROTOCOLS)],
)
async def test_only_the_headers_that_may_pass_on(
    component: str, protocol: str, chain: Any
) -> None:
    sent = {
        "authorization": "Bearer secret",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-request-id": "r1",
        "cookie": "c",
    }
    async with chain(component, protocol, "served_components:ShowsHeaders") as client:
        reply = await client.post(PREDICT, json=ROWS, headers=sent)
        seen = json.loads(reply.json()["predictions"][0])
        assert seen == {name: sent[name] for name in ("traceparent", "x-request-id")}
        assert "authorization" not in reply.headers
        assert "secret" not in str(reply.headers)


async def test_authorization_passes_on_by_choice(chain: Any) -> None:
    more = {"forwarded_headers": ("authorization",)}
    async with chain(
        "Passes", "v2", "served_components:ShowsHeaders", **more
    ) as client:
        headers = {"authorization": "Bearer secret"}
        reply = await client.post(PREDICT, json=ROWS, headers=headers)
        assert json.loads(reply.json()["predictions"][0]) == headers


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_the_predictor_refuses_is_the_callers_fault(
    protocol: str, chain: Any
) -> None:
    async with chain("Passes", protocol) as client:
        reply = await client.post(PREDICT, json={"instances": [[1.0]]})
        assert reply.status_code == 400
        assert reply.json()["error"].startswith("the predictor 'm' at 127.0.0.1:")
        assert "'input'" in reply.json()["error"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_model_that_is_not_there_is_404(protocol: str, chain: Any) -> None:
    async with chain("Passes", protocol, model="other") as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.status_code == 404
        assert "there is no model 'other'" in reply.json()["error"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_fault_of_the_predictor_is_502(protocol: str, chain: Any) -> None:
    options = {"predict": "value"}
    async with chain("Passes", protocol, "Raises", options=options) as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.status_code == 502
        assert "internal error, id" in reply.json()["error"]
        assert "secret" not in reply.json()["error"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_predictor_that_is_late_is_504(protocol: str, chain: Any) -> None:
    more = {"options": {"seconds": 1.0}, "timeout": 0.2}
    async with chain("Passes", protocol, "SlowAsync", **more) as client:
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.status_code == 504
        assert "did not answer within" in reply.json()["error"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_that_leaves_frees_the_predictor(
    protocol: str, chain: Any
) -> None:
    options = {"seconds": 30.0}
    async with chain("Passes", protocol, "SlowAsync", options=options) as client:
        before = SlowAsync.cancelled
        with pytest.raises(httpx.ReadTimeout):
            await client.post(PREDICT, json=ROWS, timeout=0.5)
        for _ in range(100):
            if SlowAsync.cancelled > before:
                return
            await asyncio.sleep(0.05)
        pytest.fail("the predictor still computes")


async def test_what_a_step_gives_is_checked(chain: Any) -> None:
    async with chain("ReturnsNothing") as client:
        assert (await client.post(PREDICT, json=ROWS)).status_code == 500


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_predictor_that_is_nowhere_is_503(
    protocol: str, serve: Serve, spec: SpecOf, free_port: int
) -> None:
    predictor = Predictor(
        host=f"127.0.0.1:{free_port}", protocol=protocol, retries=1, check_health=True
    )
    component = spec("served_components:Passes", predictor=predictor)
    async with serve(component, grpc_port=0) as (server, client):
        assert not await ready_over_grpc(server.ports.grpc)
        reply = await client.post(PREDICT, json=ROWS)
        assert reply.status_code == 503
        assert "cannot be reached" in reply.json()["error"]
        assert "--predictor_host" in reply.json()["error"]
        assert (await client.get("/v2/health/ready")).status_code == 503
        ready = await client.get("/v2/models/m/ready")
        assert ready.status_code == 503
        assert f"at 127.0.0.1:{free_port} is not ready" in ready.json()["error"]
        # It follows as soon as there is a predictor.
        port = {"http_port": free_port}
        if protocol == "grpc-v2":
            port = {"http_port": 0, "grpc_port": free_port}
        async with serve(spec("Iris"), **port):
            await until(client, 200)
            assert await ready_over_grpc(server.ports.grpc)
            reply = await client.post(PREDICT, json=ROWS)
            assert reply.json() == {"predictions": [10.0]}
        await until(client, 503)


async def ready_over_grpc(port: int) -> bool:
    asking = RpcClient(Predictor(host=f"127.0.0.1:{port}", protocol="grpc-v2"), "m")
    ready = await asking.healthy(5)
    await asking.close()
    return ready


async def until(client: httpx.AsyncClient, status: int) -> None:
    for _ in range(100):
        if (await client.get("/v2/health/ready")).status_code == status:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not {status} after 10 s")


async def test_a_class_without_a_step_is_no_component(
    serve: Serve, spec: SpecOf
) -> None:
    predictor = Predictor(host="127.0.0.1:1")
    component = spec("served_components:NoComponent", predictor=predictor)
    async with serve(component) as (server, _):
        state = server.states()["m"]
        assert state.phase == "Failed"
        assert "has none of preprocess, predict, postprocess, explain" in state.message
