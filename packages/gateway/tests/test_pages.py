"""The gateway's own pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferry_gateway import Target


async def get(world: Any, path: Any, method: Any = "GET", **headers: Any) -> Any:
    return await world.ask(method, path, Host="localhost", **headers)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", {"status": "alive"}),
        ("/?x", {"status": "alive"}),
        ("/healthz", {"status": "ok"}),
        ("/v2/health/live", {"live": True}),
        ("/v2/models", {"models": ["iris", "magika"]}),
        ("/v2/models/", {"models": ["iris", "magika"]}),
    ],
)
async def test_pages(world: Any, path: Any, expected: Any) -> None:
    await world.start(world.service(models=("magika", "iris")))
    answer = await get(world, path)
    assert (answer.status, json.loads(answer.body)) == (200, expected)
    assert answer.header("content-type") == "application/json"


async def test_it_is_ready_when_every_service_has_a_replica(world: Any) -> None:
    replica = await world.replica()
    away = world.service(name="away", hosts=(), models=())
    await world.start(world.service(replica), away)
    answer = await get(world, "/v2/health/ready")
    body = {"ready": False, "waiting": ["default/away"]}
    assert (answer.status, json.loads(answer.body)) == (503, body)
    world.gateway.update([world.service(replica)])
    answer = await get(world, "/v2/health/ready")
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True})


async def test_server_metadata_names_the_gateway(world: Any) -> None:
    await world.start()
    data = json.loads((await get(world, "/v2")).body)
    assert data["name"] == "inferry-gateway"
    assert "binary_tensor_data" in data["extensions"]


async def test_services_are_listed_with_their_urls(world: Any) -> None:
    replica = await world.replica()
    targets = (Target("1", 90, (replica.endpoint,)), Target("2", 10))
    waiting = world.service(name="away", hosts=(), models=())
    await world.start(world.service(targets=targets), waiting)
    data = json.loads((await get(world, "/serving")).body)
    assert data["services"][1] == {
        "namespace": "default",
        "name": "iris",
        "path": "/serving/default/iris",
        "hosts": ["iris-default.example.com"],
        "models": ["iris"],
        "ready": True,
        "traffic": {"1": 90, "2": 10},
    }
    assert data["services"][0]["ready"] is False


async def test_the_repository_index_lists_models_with_their_state(world: Any) -> None:
    replica = await world.replica()
    away = world.service(name="z", hosts=(), models=("away",), unavailable="z failed")
    await world.start(world.service(replica), away)
    client = await world.client()
    answer = await client.ask("POST", "/v2/repository/index", b"{}", Host="localhost")
    assert json.loads(answer.body) == [
        {"name": "iris", "state": "READY", "reason": ""},
        {"name": "away", "state": "UNAVAILABLE", "reason": "z failed"},
    ]
    assert (await client.ask("GET", "/", Host="localhost")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v2/repository/index", "POST"), ("POST", "/v1/models", "GET")],
)
async def test_other_methods_are_405(
    world: Any, method: Any, path: Any, allowed: Any
) -> None:
    await world.start()
    answer = await get(world, path, method=method)
    assert (answer.status, answer.error) == (405, f"{path} answers {allowed} only")


async def test_a_services_host_hides_the_pages(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    await world.ask("GET", "/metrics")
    await world.ask("GET", "/v2/health/ready")
    assert [m.target for m in replica.requests] == ["/metrics", "/v2/health/ready"]


async def test_a_404_names_what_is_meant_and_keeps_the_connection(world: Any) -> None:
    await world.start(world.service())
    client = await world.client()
    for _ in range(2):
        answer = await client.ask("POST", "/v2/models/irs/infer", b"{}", Host="x")
        assert answer.status == 404
        assert answer.error == (
            "no model named 'irs', did you mean 'iris'? (known models: iris)"
        )


async def test_a_draining_gateway_is_not_ready(world: Any) -> None:
    gateway = await world.start()
    gateway.draining = True
    answer = await get(world, "/v2/health/ready")
    assert (answer.status, json.loads(answer.body)) == (503, {"ready": False})


async def test_before_the_first_declaration_nothing_is_unknown(world: Any) -> None:
    await world.start()
    world.gateway.declared = False
    answer = await get(world, "/v2/models/iris")
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert answer.error == "the gateway is starting and knows no service yet; try again"
    assert (await get(world, "/v2/health/ready")).status == 503
    world.gateway.update([])
    assert (await get(world, "/v2/models/iris")).status == 404
