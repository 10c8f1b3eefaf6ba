"""Loading and unloading, and the settings of traces and logs, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from serving import Serve, SpecOf

REPOSITORY = "/v2/repository"
MODEL = f"{REPOSITORY}/models/m"
ASK = {"instances": [1]}


@pytest.fixture
async def open_server(serve: Serve, spec: SpecOf) -> AsyncIterator[Any]:
    one = spec("Versioned", options={"number": 1})
    async with serve(one, allow_management=True) as (server, client):
        yield server, client


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("inferry_server")
    level = found.level
    yield found
    found.setLevel(level)


async def index(client: Any, **body: Any) -> list[tuple[str, str]]:
    answer = await client.post(f"{REPOSITORY}/index", json=body)
    return [(one["name"], one["state"]) for one in answer.json()]


async def test_a_model_is_unloaded_stays_known_and_is_loaded_again(
    open_server: Any,
) -> None:
    _, client = open_server
    answer = await client.post(f"{MODEL}/unload")
    assert (answer.status_code, answer.json()) == (200, {"name": "m", "unload": True})
    (entry,) = (await client.post(f"{REPOSITORY}/index")).json()
    assert entry == {"name": "m", "state": "UNAVAILABLE", "reason": "unloaded"}
    assert await index(client, ready=True) == []
    assert (await client.get("/v2/models/m/ready")).status_code == 503
    assert (await client.get("/v2/models/m")).status_code == 503
    assert (await client.post("/v1/models/m:predict", json=ASK)).status_code == 503
    assert (await client.get("/v2/health/ready")).status_code == 200
    assert (await client.post(f"{MODEL}/unload")).status_code == 200
    answer = await client.post(f"{MODEL}/load")
    assert (answer.status_code, answer.json()) == (200, {"name": "m", "load": True})
    assert await index(client, ready=True) == [("m", "READY")]
    answer = await client.post("/v1/models/m:predict", json=ASK)
    assert answer.json() == {"predictions": [1]}


async def test_a_load_that_fails_says_why_and_the_older_one_serves(
    serve: Serve, spec: SpecOf
) -> None:
    bad = spec("Versioned", options={"broken": True})
    good = spec("Versioned", options={"number": 1})
    async with serve(good, bad, allow_management=True) as (_, client):
        answer = await client.post(f"{MODEL}/load")
        assert answer.status_code == 500
        text = answer.json()["error"]
        assert text.startswith("failed to load 'm', ")
        assert "broken" in text
        answer = await client.post("/v1/models/m:predict", json=ASK)
        assert answer.json() == {"predictions": [1]}


async def test_loads_and_unloads_at_once_end_in_order(open_server: Any) -> None:
    _, client = open_server
    verbs = ["load", "unload", "load", "load", "unload", "load"]
    answers = await asyncio.gather(*(client.post(f"{MODEL}/{verb}") for verb in verbs))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert (await client.post(f"{MODEL}/load")).status_code == 200
    assert await index(client) == [("m", "READY")]


async def test_a_load_that_an_unload_gives_up_is_nobodys_error(
    serve: Serve, spec: SpecOf, caplog: pytest.LogCaptureFixture
) -> None:
    slow = spec("SlowLoad", options={"load_seconds": 0.5})
    async with serve(slow, allow_management=True) as (_, client):
        loading = asyncio.create_task(client.post(f"{MODEL}/load"))
        await asyncio.sleep(0.1)
        assert (await client.post(f"{MODEL}/unload")).status_code == 200
        answer = await loading
        assert answer.status_code == 503
        assert "it was unloaded while it was loading" in answer.json()["error"]
        assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_an_unknown_model_is_not_loaded(open_server: Any, verb: str) -> None:
    _, client = open_server
    answer = await client.post(f"{REPOSITORY}/models/nope/{verb}")
    assert answer.status_code == 404
    assert "'nope'" in answer.json()["error"]


def config(**fields: Any) -> dict[str, Any]:
    return {"parameters": {"config": json.dumps(fields)}}


async def test_a_configuration_may_change_how_calls_run(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("ThreadSafe"), allow_management=True) as (server, client):
        body = config(
            name="m",
            instance_group=[{"count": 2}],
            max_batch_size="16",
            dynamic_batching={"max_queue_delay_microseconds": 500},
        )
        assert (await client.post(f"{MODEL}/load", json=body)).status_code == 200
        model = server.models.get("m")
        assert model.execution.concurrency == 2
        assert model.spec.batching.max_size == 16
        assert model.spec.batching.max_delay == 0.0005
        assert (await client.post(f"{MODEL}/load")).status_code == 200
        assert server.models.get("m").spec.batching is None


BAD = [
    ({"parameters": {"config": "nonsense"}}, "not JSON"),
    ({"parameters": {"config": "[]"}}, "not a JSON object"),
    ({"parameters": {"config": 3}}, "'config'"),
    ({"parameters": {"nope": "x"}}, "'nope'"),
    ({"parameters": []}, "'parameters'"),
    ({"parameters": 0}, "'parameters'"),
    ({"parameters": "x"}, "'parameters'"),
    (config(max_batchsize=3), "did you mean 'max_batch_size'"),
    (config(max_batch_size=-1), "max_batch_size"),
    (config(max_batch_size="x"), "wrong"),
    (config(name="other"), "'other'"),
    (config(ensemble_scheduling={"step": []}), "ensemble_scheduling"),
    (config(input=[{"name": "x", "data_type": "FP32"}]), "data_type"),
    (config(instance_group=[{"count": 0}]), "instance_group"),
]


@pytest.mark.parametrize(("body", "text"), BAD)
async def test_what_a_load_cannot_do_is_refused(
    open_server: Any, body: Any, text: str
) -> None:
    _, client = open_server
    answer = await client.post(f"{MODEL}/load", json=body)
    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert await index(client) == [("m", "READY")]


async def test_unload_takes_its_parameter_alone(open_server: Any) -> None:
    _, client = open_server
    body = {"parameters": {"unload_dependents": "yes"}}
    assert (await client.post(f"{MODEL}/unload", json=body)).status_code == 400
    body = {"parameters": {"unload_dependents": True}}
    assert (await client.post(f"{MODEL}/unload", json=body)).status_code == 200


def upload(path: str, content: bytes, **more: Any) -> dict[str, Any]:
    text = base64.b64encode(content).decode()
    return {"parameters": {"config": "{}", f"file:{path}": text, **more}}


async def test_files_are_refused_unless_they_are_named(open_server: Any) -> None:
    _, client = open_server
    answer = await client.post(f"{MODEL}/load", json=upload("1/a.txt", b"x"))
    assert answer.status_code == 403
    assert "--allow_uploads=1/a.txt" in answer.json()["error"]


async def test_a_model_loads_the_files_that_came_along(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(
        spec("Reads"), allow_management=True, allow_uploads=("1/*.txt",)
    ) as (server, client):
        body = upload("1/a.txt", b"hello")
        assert (await client.post(f"{MODEL}/load", json=body)).status_code == 200
        model = server.models.get("m")
        path = model.spec.path
        assert model.instance.text == "hello"
        assert path.parent.stat().st_mode & 0o077 == 0
        body = upload("1/a.txt", b"fail")
        assert (await client.post(f"{MODEL}/load", json=body)).status_code == 500
        assert server.models.get("m") is model
        assert (await client.post(f"{MODEL}/load")).status_code == 200
        assert server.models.get("m").instance.text == "nothing"
        assert not path.exists()


BAD_FILES = [
    ({"file:../a.txt": ""}, "no path"),
    ({"file:/etc/a.txt": ""}, "no path"),
    ({"file:1/../a.txt": ""}, "no path"),
    ({"file:1//a.txt": ""}, "no path"),
    ({"file:1/.a.txt": ""}, "no path"),
    ({"file:1/a\0.txt": ""}, "no path"),
    ({"file:" + "a/" * 20 + "a.txt": ""}, "no path"),
    ({"file:": ""}, "no path"),
    ({"file:1/a.txt": "%%%"}, "not base64"),
    ({"file:1/a.txt": 3}, "no base64"),
    ({"file:1/a.txt": "", "file:1/a.txt/b.txt": ""}, "another file"),
    ({f"file:{number}.txt": "" for number in range(100)}, "at most 64"),
]


@pytest.mark.parametrize(("files", "text"), BAD_FILES)
async def test_files_stay_in_their_folder(
    serve: Serve, spec: SpecOf, files: dict[str, Any], text: str
) -> None:
    async with serve(spec("Reads"), allow_management=True, allow_uploads=("*",)) as (
        _,
        client,
    ):
        body = {"parameters": {"config": "{}", **files}}
        answer = await client.post(f"{MODEL}/load", json=body)
        assert answer.status_code == 400
        assert text in answer.json()["error"]


async def test_changes_come_in_over_the_port_for_them(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Iris"), management_port=0) as (server, client):
        port = server.ports.management
        assert port not in (None, server.ports.http)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False
        ) as manager:
            for path in (f"{MODEL}/unload", f"{MODEL}/load"):
                refused = await client.post(path)
                assert refused.status_code == 403
                assert "--allow_management" in refused.json()["error"]
                assert (await manager.post(path)).status_code == 200
            assert await index(manager) == await index(client)
            assert (await manager.get("/v2/health/ready")).status_code == 200
            for path in ("/v2/models/m/infer", "/v1/models/m:predict"):
                refused = await manager.post(path, json={})
                assert refused.status_code == 403
        await server.stop()
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(trust_env=False) as late:
                await late.get(f"http://127.0.0.1:{port}/")


async def test_traces_are_set_for_all_and_for_one(open_server: Any) -> None:
    _, client = open_server
    start = {
        "trace_level": ["OFF"],
        "trace_rate": "1",
        "trace_count": "-1",
        "log_frequency": "0",
        "trace_file": "",
        "trace_mode": "opentelemetry",
    }
    one = "/v2/models/m/trace/setting"
    every = "/v2/trace/setting"
    assert (await client.get(every)).json() == start
    changed = {**start, "trace_level": ["TIMESTAMPS"], "trace_rate": "5"}
    body = {"trace_level": ["TIMESTAMPS"], "trace_rate": "5"}
    assert (await client.post(every, json=body)).json() == changed
    assert (await client.get(one)).json() == changed
    own = await client.post(one, json={"trace_level": ["OFF"]})
    assert own.json() == {**changed, "trace_level": ["OFF"]}
    assert (await client.get(every)).json() == changed
    assert (await client.post(one, json={"trace_level": None})).json() == changed
    back = {"trace_level": None, "trace_rate": None}
    assert (await client.post(every, json=back)).json() == start


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"nope": "1"}, 400),
        ({"trace_rate": "x"}, 400),
        ({"trace_rate": "0"}, 400),
        ({"trace_count": "-2"}, 400),
        ({"trace_level": ["X"]}, 400),
        ({"trace_level": 3}, 400),
        ({"trace_mode": "triton"}, 400),
        ({"trace_file": "/tmp/x"}, 501),
        ([], 400),
    ],
)
async def test_a_trace_setting_that_is_none_is_refused(
    open_server: Any, body: Any, status: int
) -> None:
    _, client = open_server
    answer = await client.post("/v2/trace/setting", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert (await client.get("/v2/models/x/trace/setting")).status_code == 404


async def test_logs_are_set(open_server: Any, logger: logging.Logger) -> None:
    _, client = open_server
    url = "/v2/logging"
    values = (await client.get(url)).json()
    assert values["log_error"] is True
    assert values["log_format"] == "default"
    answer = await client.post(url, json={"log_verbose_level": 1})
    assert answer.json() == {**values, "log_verbose_level": 1}
    assert logger.level == logging.DEBUG
    quiet = {"log_verbose_level": 0, "log_info": False, "log_warning": False}
    assert (await client.post(url, json=quiet)).json() == {**values, **quiet}
    assert logger.level == logging.ERROR


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"log_file": "/tmp/x"}, 501),
        ({"log_info": "x"}, 400),
        ({"log_verbose_level": -1}, 400),
        ({"log_format": "x"}, 400),
        ({"zog": 1}, 400),
    ],
)
async def test_a_log_setting_that_is_none_is_refused(
    open_server: Any, body: Any, status: int
) -> None:
    _, client = open_server
    answer = await client.post("/v2/logging", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.parametrize("path", ["/v2/trace/setting", "/v2/logging"])
async def test_settings_are_read_but_not_changed_where_that_is_closed(
    serve: Serve, spec: SpecOf, path: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        assert (await client.get(path)).status_code == 200
        answer = await client.post(path, json={})
        assert answer.status_code == 403
