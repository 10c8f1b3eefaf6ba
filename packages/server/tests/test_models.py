"""The life of models: load, warm-up, failure, reload, unload."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Never

import pytest
import served_models

from inferry.errors import ModelNotFound

if TYPE_CHECKING:
    from serving import Serve, SpecOf


FAILURES = [
    ({"load": "load"}, "ModelCorrupt", "bad magic", "save it again"),
    (
        {"load": "import"},
        "RuntimeNotInstalled",
        "No module named 'lightning'",
        "lightning",
    ),
    ({"load": "memory"}, "OutOfMemory", "does not fit into memory", "more memory"),
    (
        {"load": "value"},
        "ModelLoadFailed",
        "ValueError: a secret in two lines",
        "inferry logs",
    ),
    ({"load": "exit"}, "ModelLoadFailed", "SystemExit: 3", ""),
    ({"load": "stop"}, "ModelLoadFailed", "StopIteration", ""),
    ({"warm_up": "value"}, "WarmUpFailed", "loads but does not answer: ValueError", ""),
    ({"first": "input"}, "WarmUpFailed", "not what I want", ""),
    ({"first": "value"}, "WarmUpFailed", "ValueError", ""),
    ({"first": "memory"}, "OutOfMemory", "memory", ""),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_model_that_cannot_serve_says_why(
    serve: Serve, spec: SpecOf, failure: tuple[dict[str, Any], str, str, str]
) -> None:
    options, reason, message, remedy = failure
    async with serve() as (server, _):
        state = await server.load(spec("Raises", options=options))
        assert (state.phase, state.reason) == ("Failed", reason)
        assert message in state.message
        assert remedy in state.remedy
        assert "\n" not in state.message
        assert server.states()["m"].phase == "Failed"


TARGETS = [
    ("served_models:Nothing", "ModelLoadFailed", "has no 'Nothing'", "its classes: "),
    (
        "textwrap:Textwrapper",
        "ModelLoadFailed",
        "has no 'Textwrapper'",
        "name one of its classes: TextWrapper",
    ),
    ("this:That", "ModelLoadFailed", "has no 'That'", "write such a class there"),
    (
        "served_models:NoPredict",
        "ModelLoadFailed",
        "has no method 'predict'",
        "served by `inferry run FILE.py:CLASS`",
    ),
    (
        "no_such_module:X",
        "RuntimeNotInstalled",
        "No module named 'no_such_module'",
        "install the package that has the module 'no_such_module'",
    ),
    ("served_models", "InvalidSpec", "must read 'module:Class'", ""),
]


@pytest.mark.parametrize("wrong", TARGETS, ids=[wrong[0] for wrong in TARGETS])
async def test_a_target_that_is_none_says_why_and_what_to_do(
    serve: Serve, spec: SpecOf, wrong: tuple[str, str, str, str]
) -> None:
    from msgspec.structs import replace

    target, reason, message, remedy = wrong
    async with serve() as (server, _):
        state = await server.load(replace(spec("Echo"), target=target))
        assert (state.phase, state.reason) == ("Failed", reason)
        assert message in state.message
        assert remedy in state.remedy


async def test_what_pip_needs_is_the_remedy(serve: Serve, spec: SpecOf) -> None:
    async with serve() as (server, _):
        what = spec(
            "Raises", options={"load": "import"}, install="x[serve]", runtime="x"
        )
        state = await server.load(what)
        assert state.remedy == 'pip install "x[serve]"'
        assert "runtime 'x'" in state.message


async def test_a_name_that_fits_no_url_is_refused(serve: Serve, spec: SpecOf) -> None:
    async with serve() as (server, _):
        state = await server.load(spec("Echo", name="a/b"))
        assert (state.phase, state.reason) == ("Failed", "InvalidSpec")


async def test_a_load_that_hangs_is_given_up(serve: Serve, spec: SpecOf) -> None:
    async with serve(load_timeout=0.2) as (server, client):
        state = await server.load(spec("Hangs"))
        assert (state.phase, state.reason) == ("Failed", "LoadTimeout")
        assert "within 0.2 s" in state.message
        assert (await client.get("/v2/health/live")).status_code == 200


async def test_states_are_told_in_their_order(serve: Serve, spec: SpecOf) -> None:
    told = []
    async with serve(spec("Iris"), on_state=lambda state: told.append(state.phase)):
        pass
    assert told == ["Pending", "Loading", "WarmingUp", "Ready", "Unloaded"]


async def test_a_listener_that_fails_disturbs_nothing(
    serve: Serve, spec: SpecOf
) -> None:
    def fail(state: Any) -> Never:
        raise RuntimeError

    async with serve(spec("Iris"), on_state=fail) as (server, _):
        assert server.states()["m"].phase == "Ready"


async def test_nothing_is_asked_of_a_model_that_loads(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve() as (server, client):
        loading = asyncio.create_task(server.load(spec("SlowLoad")))
        refused = 0
        while True:
            reply = await client.post("/v1/models/m:predict", json={"instances": [1]})
            if reply.status_code == 200:
                break
            refused += 1
            assert reply.status_code == 503
            assert reply.headers["retry-after"] == "1"
        assert refused
        assert (await loading).phase == "Ready"
        assert (await client.get("/v2/health/ready")).status_code == 200


async def test_zeros_that_a_model_refuses_do_not_keep_it_from_serving(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve() as (server, _):
        state = await server.load(spec("RefusesZeros"))
        assert state.phase == "Ready"
        assert "zeros are no measurement" in state.message


async def test_a_newer_version_takes_over_without_a_lost_request(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Versioned", options={"number": 1})) as (server, client):
        answers = []
        first, second = asyncio.Event(), asyncio.Event()

        async def ask() -> None:
            while True:
                reply = await client.post(
                    "/v1/models/m:predict", json={"instances": [1]}
                )
                answers.append(reply.json()["predictions"][0])
                (first if answers[-1] == 1 else second).set()

        asking = asyncio.create_task(ask())
        await first.wait()
        state = await server.load(spec("Versioned", options={"number": 2}))
        assert state.phase == "Ready"
        await second.wait()
        asking.cancel()
        assert answers == sorted(answers)
        assert set(answers) == {1, 2}


async def test_a_newer_version_that_fails_changes_nothing(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Versioned", options={"number": 1})) as (server, client):
        failed = await server.load(spec("Versioned", options={"broken": True}))
        assert (failed.phase, failed.reason) == ("Failed", "ModelLoadFailed")
        state = server.states()["m"]
        assert state.phase == "Ready"
        assert "the older version serves on" in state.message
        reply = await client.post("/v1/models/m:predict", json={"instances": [1]})
        assert reply.json() == {"predictions": [1]}


async def test_the_old_version_is_unloaded_after_its_last_answer(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Slow", options={"seconds": 0.3})) as (server, client):
        old = server.models.get("m").instance
        asking = asyncio.create_task(
            client.post("/v1/models/m:predict", json={"instances": [1]})
        )
        await asyncio.sleep(0.1)
        await server.load(spec("Echo"))
        assert not old.unloaded
        assert (await asking).status_code == 200
        await asyncio.sleep(0.1)
        assert old.unloaded


async def test_two_loads_of_one_name_come_one_after_the_other(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve() as (server, _):
        began = time.monotonic()
        states = await asyncio.gather(
            *(
                server.load(spec("SlowLoad", options={"load_seconds": 0.2}))
                for _ in "ab"
            )
        )
        assert [state.phase for state in states] == ["Ready", "Ready"]
        assert time.monotonic() - began >= 0.4


async def test_unload_waits_for_what_runs(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Slow", options={"seconds": 0.3})) as (server, client):
        model = server.models.get("m").instance
        asking = asyncio.create_task(
            client.post("/v1/models/m:predict", json={"instances": [1]})
        )
        await asyncio.sleep(0.1)
        await server.unload("m")
        assert (await asking).status_code == 200
        assert model.unloaded
        assert (await client.get("/v1/models/m")).status_code == 404
        with pytest.raises(ModelNotFound):
            await server.unload("m")


async def test_unload_gives_up_a_load(serve: Serve, spec: SpecOf) -> None:
    async with serve() as (server, _):
        loading = asyncio.create_task(server.load(spec("Hangs")))
        await asyncio.sleep(0.1)
        await server.unload("m")
        assert (await loading).phase == "Failed"
        assert server.states() == {}


async def test_stop_does_not_wait_for_a_load(serve: Serve, spec: SpecOf) -> None:
    async with serve() as (server, _):
        loading = asyncio.create_task(server.load(spec("Hangs")))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await server.stop()
        assert time.monotonic() - began < 3
        assert (await loading).phase == "Failed"


async def test_a_model_reaches_its_class_with_path_and_options(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Echo", options={"a": 1})) as (server, _):
        assert server.models.get("m").instance.options == {"a": 1}
        assert isinstance(server.models.get("m").instance, served_models.Echo)


async def test_a_model_that_failed_does_not_take_the_others_out(
    serve: Serve, spec: SpecOf
) -> None:
    specs = [spec("Echo"), spec("Raises", name="bad", options={"load": "value"})]
    async with serve(*specs) as (_, client):
        assert (await client.get("/v2/health/ready")).status_code == 200
        assert (await client.get("/v2/models/m/ready")).status_code == 200
        assert (await client.get("/v2/models/bad/ready")).status_code == 503
