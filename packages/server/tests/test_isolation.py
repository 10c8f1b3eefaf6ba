"""A model in a process of its own: the same answers, and its end is its own."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from serving import Serve, SpecOf

ROW = {"instances": [[1.0, 2.0, 3.0, 4.0]]}
BAD = {"instances": [[-1.0, 2.0, 3.0, 4.0]]}


async def ready(client: httpx.AsyncClient, name: str = "m") -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer = await client.get(f"/v2/models/{name}/ready")
        if answer.status_code == 200:
            return True
        await asyncio.sleep(0.05)
    return False


async def pid(client: httpx.AsyncClient, name: str = "m") -> int:
    answer = await client.post(f"/v1/models/{name}:predict", json={"a": 1})
    assert answer.json()["a"] == 1
    found: int = answer.json()["pid"]
    return found


async def test_it_runs_elsewhere_and_answers_the_same(
    serve: Serve, spec: SpecOf
) -> None:
    specs = [spec("Iris", "here"), spec("Iris", "there", isolated=True)]
    async with serve(*specs) as (_, client):
        bodies = [
            (await client.get(f"/v2/models/{name}")).json() | {"name": ""}
            for name in ("here", "there")
        ]
        assert bodies[0] == bodies[1]
        for given in (ROW, BAD, {"instances": [[1.0]]}, {"instances": "x"}, {}):
            answers = [
                await client.post(f"/v1/models/{name}:predict", json=given)
                for name in ("here", "there")
            ]
            assert answers[0].status_code == answers[1].status_code
            assert answers[0].text.replace("here", "") == (
                answers[1].text.replace("there", "")
            )


@pytest.mark.parametrize("target", ["Pair", "Quick", "RowWise", "Echo"])
async def test_every_datatype_and_method_passes(
    serve: Serve, spec: SpecOf, target: str
) -> None:
    specs = [spec(target, "a"), spec(target, "b", isolated=True)]
    request = {
        "inputs": [
            {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["x", "é"]},
            {"name": "size", "datatype": "INT32", "shape": [2, 1], "data": [1, 2]},
        ]
    }
    rows = {
        "inputs": [
            {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
        ]
    }
    body = rows if target in {"Quick", "RowWise"} else request
    async with serve(*specs) as (server, client):
        assert {each.phase for each in server.states().values()} == {"Ready"}
        found = [
            (await client.post(f"/v2/models/{name}/infer", json=body)).json()
            for name in "ab"
        ]
        assert found[0].pop("model_name") + found[1].pop("model_name") == "ab"
        assert found[0] == found[1]
        assert "outputs" in found[0], found
        explained = [
            await client.post(f"/v1/models/{name}:explain", json=ROW) for name in "ab"
        ]
        assert explained[0].status_code == explained[1].status_code


async def test_it_is_another_process(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Pid", isolated=True), spec("Pid", "n")) as (_, client):
        assert await pid(client, "n") == os.getpid()
        assert await pid(client) != os.getpid()


async def test_a_crash_fails_its_own_call_and_nobody_else(
    serve: Serve, spec: SpecOf
) -> None:
    specs = [spec("Crashing", isolated=True), spec("Iris", "n")]
    async with serve(*specs) as (_, client):
        answer = await client.post("/v1/models/m:predict", json=BAD)
        assert answer.status_code == 500
        # Not 503: who asks again would end the next process too.
        assert "internal error, id" in answer.text
        neighbour = await client.post("/v1/models/n:predict", json=ROW)
        assert neighbour.json() == {"predictions": [10.0]}
        assert await ready(client)
        again = await client.post("/v1/models/m:predict", json=ROW)
        assert again.json() == {"predictions": [10.0]}


async def test_while_it_starts_again_it_is_not_ready_and_says_why(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Pid", isolated=True)) as (_, client):
        os.kill(await pid(client), signal.SIGKILL)
        end = time.monotonic() + 10
        while (await client.get("/v2/models/m/ready")).status_code == 200:
            assert time.monotonic() < end
        answer = await client.get("/v2/models/m/ready")
        if answer.status_code == 503:  # it may be back already
            assert "its process was ended by signal 9" in answer.text
        assert await ready(client)
        assert await pid(client) != os.getpid()


async def test_one_that_dies_while_it_loads_says_so(serve: Serve, spec: SpecOf) -> None:
    options = {"dies": True}
    async with serve(spec("Crashing", isolated=True, options=options)) as (server, _):
        state = server.states()["m"]
        assert state.phase == "Failed"
        assert "was ended by signal 9 while it loaded" in state.message
        assert "memory" in state.remedy


@pytest.mark.parametrize(
    ("options", "reason", "message"),
    [
        ({"load": "load"}, "ModelCorrupt", "bad magic"),
        ({"load": "import"}, "RuntimeNotInstalled", "lightning"),
        ({"load": "memory"}, "OutOfMemory", "does not fit into memory"),
        ({"load": "value"}, "ModelLoadFailed", "ValueError: a secret in two lines"),
    ],
)
async def test_why_it_cannot_load_keeps_its_reason(
    serve: Serve, spec: SpecOf, options: dict[str, Any], reason: str, message: str
) -> None:
    async with serve() as (server, _):
        state = await server.load(spec("Raises", isolated=True, options=options))
        assert (state.phase, state.reason) == ("Failed", reason)
        assert message in state.message


async def test_one_that_streams_is_refused(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Counter", isolated=True)) as (server, _):
        assert "streams its answers" in server.states()["m"].message


async def test_unloading_ends_the_process(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Pid", isolated=True)) as (server, client):
        process = await pid(client)
        await server.unload("m")
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


async def test_calls_run_at_a_time_as_the_model_says(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Pid", isolated=True)) as (_, client):
        found = await asyncio.gather(*(pid(client) for _ in range(40)))
        assert len(set(found)) == 1
