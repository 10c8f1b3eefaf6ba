"""Models share a budget of memory: who does not fit makes the least asked sleep."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import served_models

from inferry_server.memory import Growth, resident, shown, stored

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from serving import Serve, SpecOf

    from inferry_server import ModelServer, ModelSpec

MIB = 1024 * 1024
ROW = {"instances": [[1.0, 2.0, 3.0, 4.0]]}


@pytest.fixture(autouse=True)
def _counted() -> None:
    served_models.Heavy.loads.clear()


@pytest.fixture
def heavy(spec: SpecOf) -> Any:
    def made(name: str, size: int = 40, seconds: float = 0) -> ModelSpec:
        options = {"name": name, "memory": size * MIB, "seconds": seconds}
        return spec("Heavy", name, options=options)

    return made


async def ask(client: httpx.AsyncClient, name: str) -> int:
    answer = await client.post(f"/v1/models/{name}:predict", json=ROW)
    assert answer.status_code != 200 or answer.json() == {"predictions": [10.0]}
    return answer.status_code


def awake(server: ModelServer) -> set[str]:
    return {model.name for model in server.models.serving()}


async def test_without_a_budget_all_stay(serve: Serve, heavy: Any) -> None:
    async with serve(*map(heavy, "abc")) as (server, _):
        assert awake(server) == {"a", "b", "c"}


async def test_the_least_recently_asked_gives_way(serve: Serve, heavy: Any) -> None:
    async with serve(memory_budget=100 * MIB) as (server, client):
        for name in "ab":
            await server.load(heavy(name))
        assert await ask(client, "a") == 200
        await server.load(heavy("c"))
        assert awake(server) == {"a", "c"}


async def test_who_sleeps_is_ready_and_wakes_by_being_asked(
    serve: Serve, heavy: Any
) -> None:
    async with serve(memory_budget=100 * MIB) as (server, client):
        for name in "abc":
            await server.load(heavy(name))
        assert awake(server) == {"b", "c"}
        assert (await client.get("/v2/health/ready")).status_code == 200
        assert (await client.get("/v2/models/a/ready")).status_code == 200
        index = (await client.post("/v2/repository/index")).json()
        assert {each["name"]: each["state"] for each in index} == dict.fromkeys(
            "abc", "READY"
        )
        assert "gave way" in next(each["reason"] for each in index)
        assert awake(server) == {"b", "c"}

        assert await ask(client, "a") == 200

        assert awake(server) == {"a", "c"}
        text = (await client.get("/metrics")).text
        assert 'inferry_model_evictions_total{model="b"} 1.0' in text
        assert 'inferry_model_memory_bytes{model="a"} 4.194304e+07' in text


async def test_all_that_is_asked_of_a_sleeper_is_answered(
    serve: Serve, heavy: Any
) -> None:
    """Over HTTP, whatever the route; each finds the model asleep."""
    routes = ("", "/config", "/stats", "/versions/1")
    async with serve(memory_budget=50 * MIB) as (server, client):
        for name in "ab":
            await server.load(heavy(name))
        for route in routes:
            for name in "ab":
                answer = await client.get(f"/v2/models/{name}{route}")
                assert answer.status_code == 200, (route, answer.text)
                assert awake(server) == {name}
        body = {
            "inputs": [
                {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1] * 4}
            ]
        }
        for name in "abab":
            answer = await client.post(f"/v2/models/{name}/infer", json=body)
            assert answer.status_code == 200
            assert awake(server) == {name}


async def test_gRPC_wakes_a_sleeper(serve: Serve, heavy: Any) -> None:  # noqa: N802
    import tritonclient.grpc.aio as triton

    async with serve(memory_budget=50 * MIB, grpc_port=0) as (server, _):
        for name in "ab":
            await server.load(heavy(name))
        one = triton.InferInput("input", [1, 4], "FP32")
        one.set_data_from_numpy(np.ones((1, 4), "float32"))
        async with triton.InferenceServerClient(
            f"127.0.0.1:{server.ports.grpc}"
        ) as client:
            for name in "aabbab":  # the second time a kept request is found
                found = await client.infer(name, [one])
                assert found.as_numpy("sum").tolist() == [4.0]
            assert await client.is_model_ready("a")
            assert awake(server) == {"b"}
            metadata = await client.get_model_metadata("a")
            assert metadata.name == "a"

            async def requests() -> Any:
                yield {"model_name": "b", "inputs": [one]}

            async for found, error in client.stream_infer(requests()):
                assert error is None
                assert found.as_numpy("sum").tolist() == [4.0]


async def test_a_crowd_wakes_a_model_once(serve: Serve, heavy: Any) -> None:
    async with serve(memory_budget=50 * MIB) as (server, client):
        for name in "ab":
            await server.load(heavy(name))
        codes = await asyncio.gather(*(ask(client, "a") for _ in range(20)))
        assert set(codes) == {200}
        assert served_models.Heavy.loads == ["a", "b", "a"]


async def test_nothing_that_has_begun_is_lost(serve: Serve, heavy: Any) -> None:
    """Two models that do not fit together are asked at once, again and again."""
    async with serve(memory_budget=50 * MIB) as (server, client):
        for name in "ab":
            await server.load(heavy(name, seconds=0.01))

        async def asks(name: str) -> list[int]:
            return [await ask(client, name) for _ in range(10)]

        found = await asyncio.gather(*(asks(name) for name in "abab"))
        assert {code for codes in found for code in codes} == {200}
        assert len(awake(server)) == 1


async def test_a_busy_model_gives_way_after_the_idle_ones(
    serve: Serve, heavy: Any
) -> None:
    async with serve(memory_budget=100 * MIB) as (server, client):
        await server.load(heavy("slow", seconds=0.5))
        await server.load(heavy("idle"))
        asked = asyncio.create_task(ask(client, "slow"))
        await asyncio.sleep(0.2)
        assert await ask(client, "idle") == 200  # asked later than the slow one
        await server.load(heavy("new"))
        assert awake(server) == {"slow", "new"}
        assert await asked == 200


async def test_who_does_not_fit_at_all_is_refused_and_disturbs_nobody(
    serve: Serve, heavy: Any
) -> None:
    async with serve(memory_budget=100 * MIB) as (server, client):
        await server.load(heavy("a"))
        state = await server.load(heavy("giant", 200))
        assert (state.phase, state.reason) == ("Failed", "OutOfMemory")
        assert "needs 200 MiB, and the memory budget of the server is 100 MiB" in (
            state.message
        )
        assert "--memory_budget" in state.remedy
        assert awake(server) == {"a"}
        assert await ask(client, "giant") == 503


async def test_what_is_declared_is_known_before_the_load(
    serve: Serve, spec: SpecOf, heavy: Any
) -> None:
    async with serve(memory_budget=100 * MIB) as (server, _):
        await server.load(heavy("a"))
        options = {"name": "b", "memory": 1}
        declared = spec("Heavy", "b", options=options, memory=200 * MIB)
        state = await server.load(declared)
        assert state.reason == "OutOfMemory"
        assert served_models.Heavy.loads == ["a"]


async def test_a_sleeper_that_is_unloaded_stays_so(serve: Serve, heavy: Any) -> None:
    async with serve(memory_budget=50 * MIB, allow_management=True) as (server, client):
        for name in "ab":
            await server.load(heavy(name))
        await client.post("/v2/repository/models/a/unload")
        assert await ask(client, "a") == 503
        assert awake(server) == {"b"}


async def test_a_sleeper_that_cannot_wake_says_why(serve: Serve, heavy: Any) -> None:
    async with serve(memory_budget=50 * MIB) as (server, client):
        spec = heavy("a")
        for each in (spec, heavy("b")):
            await server.load(each)
        spec.options.pop("name")
        answer = await client.post("/v1/models/a:predict", json=ROW)
        assert answer.status_code == 503
        assert "KeyError" in answer.json()["error"]
        assert await ask(client, "b") == 200


async def test_who_does_not_show_in_memory_holds_its_files(
    serve: Serve, spec: SpecOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_server.memory.resident", lambda: MIB)
    for name in "ab":
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "weights").write_bytes(bytes(600))
    async with serve(memory_budget=1000) as (server, client):
        for name in "ab":
            await server.load(spec("Iris", name, path=tmp_path / name))
        assert awake(server) == {"b"}
        text = (await client.get("/metrics")).text
        assert 'inferry_model_memory_bytes{model="b"} 600.0' in text


def test_what_grew_is_told() -> None:
    with Growth() as growth:
        held = b"x" * (64 * MIB)
    assert len(held) <= growth.size < 80 * MIB


def test_imports_are_no_part_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with Growth() as growth:
        held = b"x" * (64 * MIB)
        monkeypatch.setitem(sys.modules, "imported_by_a_load", sys)
    assert (len(held), growth.size) == (64 * MIB, 0)


def test_of_two_at_once_nobody_tells_who_grew() -> None:
    with Growth() as first, Growth() as second:
        held = b"x" * (64 * MIB)
    assert (len(held), first.size, second.size) == (64 * MIB, 0, 0)
    with Growth() as third:
        held += b"y" * (64 * MIB)
    assert third.size > 32 * MIB


def test_the_bytes_of_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(bytes(5))
    (tmp_path / "b").write_bytes(bytes(7))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert stored(tmp_path) == 12
    assert stored(tmp_path / "b") == 7
    assert stored(tmp_path / "nowhere") == 0


def test_this_process_holds_something() -> None:
    assert resident() > MIB


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (3 * 1024**3, "3 GiB")]
)
def test_bytes_are_shown_as_people_write_them(size: int, text: str) -> None:
    assert shown(size) == text
