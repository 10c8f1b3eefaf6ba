"""Copies in folders and object stores, in KServe's layout and formats."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sinks
from obstore.store import MemoryStore

from inferry.errors import ModelLoadError
from inferry_server import PayloadLog
from inferry_server.payload_log.checks import check
from inferry_server.payload_log.messages import Message, Origin
from inferry_server.payload_log.outbox import Counts, Outbox, Rules, SinkError
from inferry_server.payload_log.store_sink import StoreSink, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from serving import Serve, SpecOf

PATH = "/v1/models/m:predict"
BODY = b'{"instances": [[1, 2, 3, 4]]}'
ORIGIN = Origin(
    url="s3://bucket/logs",
    source="/prod/iris",
    service="iris",
    namespace="prod",
    component="predictor",
    endpoint="",
    annotations={},
    ca_file="",
    verify=True,
)


def message(identity: str = "id1", body: bytes = b"{}") -> Message:
    return Message(
        kind="request",
        id=identity,
        time=time.time_ns(),
        body=body,
        content_type="application/json",
        metadata={"x-tenant": ["a"]},
    )


def files(folder: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def row(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    if path.suffix == ".csv":
        (found,) = csv.DictReader(io.StringIO(path.read_text()))
        return found
    (found,) = pq.read_table(path).to_pylist()
    return found


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
async def test_each_message_is_a_file(
    serve: Serve, spec: SpecOf, tmp_path: Path, form: Any
) -> None:
    log = PayloadLog(url=tmp_path.as_uri(), format=form, metadata_headers=("x-tenant",))
    what = spec("Iris", payload_log=log, service="iris", namespace="prod")
    headers = {"x-request-id": "r1", "x-tenant": "a"}
    async with serve(what) as (server, client):
        answer = await client.post(PATH, content=BODY, headers=headers)
        await server.drain()
    found = files(tmp_path)
    assert list(found) == [
        f"prod/iris/predictor/r1-request.{form}",
        f"prod/iris/predictor/r1-response.{form}",
    ]
    request, response = map(row, found.values())
    assert base64.b64decode(request.pop("bytes")) == BODY
    assert base64.b64decode(response["bytes"]) == answer.content
    nested = (lambda value: value) if form == "json" else json.dumps
    assert request == {
        "annotations": nested({}),
        "certName": "",
        "component": "predictor",
        "contentType": "application/json",
        "endpoint": "",
        "id": "r1",
        "inferenceService": "iris",
        "metadata": nested({"x-tenant": ["a"]}),
        "namespace": "prod",
        "reqType": "org.kubeflow.serving.inference.request",
        "sourceUri": "/prod/iris/m",
        "tlsSkipVerify": "false" if form == "csv" else False,
        "url": tmp_path.as_uri(),
    }


async def test_a_batch_is_one_file_and_what_is_left_goes_at_the_end(
    serve: Serve, spec: SpecOf, tmp_path: Path
) -> None:
    log = PayloadLog(url=tmp_path.as_uri(), batch_size=2, mode="request")
    async with serve(spec("Iris", payload_log=log)) as (server, client):
        for number in range(3):
            await client.post(
                PATH, content=BODY, headers={"x-request-id": f"r{number}"}
            )
        await server.drain()
    first, second = files(tmp_path).values()
    assert [entry["id"] for entry in row(first)] == ["r0", "r1"]
    assert first.name == "r1-request.json"
    assert row(second)["id"] == "r2"


async def test_an_interval_ends_a_batch(
    serve: Serve, spec: SpecOf, tmp_path: Path
) -> None:
    log = PayloadLog(url=tmp_path.as_uri(), batch_interval=0.3, mode="request")
    async with serve(spec("Iris", payload_log=log)) as (_, client):
        for number in range(3):
            headers = {"x-request-id": f"r{number}"}
            await client.post(PATH, content=BODY, headers=headers)
        assert files(tmp_path) == {}
        time.sleep(0.5)  # noqa: ASYNC251 - only threads have something to do
        (file,) = files(tmp_path).values()
    assert len(row(file)) == 3


async def test_an_id_that_comes_twice_overwrites_nothing(
    serve: Serve, spec: SpecOf, tmp_path: Path
) -> None:
    log = PayloadLog(url=tmp_path.as_uri(), mode="request")
    async with serve(spec("Iris", payload_log=log)) as (server, client):
        for _ in range(3):
            await client.post(PATH, content=BODY, headers={"x-request-id": "same"})
        await server.drain()
    assert len(files(tmp_path)) == 3


@pytest.mark.parametrize(
    "identity", ["../../etc/passwd", "/etc/passwd", "..", ".hidden", "a\x00b", ""]
)
def test_no_id_leaves_the_folder(identity: str) -> None:
    key = key_of(message(identity), ORIGIN, "json")
    *folders, name = key.split("/")
    assert folders == ["prod", "iris", "predictor"]
    assert not name.startswith(".")
    assert "\x00" not in name


def test_an_object_store_gets_the_same_objects() -> None:
    store = MemoryStore()
    sink = StoreSink(PayloadLog(url=ORIGIN.url), ORIGIN, store)
    sink.send([message()])
    sink.send([message()])
    first, second = (entry["path"] for entry in store.list().collect())
    assert first == "prod/iris/predictor/id1-request-" + first[-13:]
    assert second == "prod/iris/predictor/id1-request.json"
    (kept,) = [bytes(store.get(second).bytes())]
    assert json.loads(kept)["id"] == "id1"


async def test_a_server_of_objects_gets_one_per_message(
    serve: Serve, spec: SpecOf
) -> None:
    with sinks.bucket() as (url, objects):
        log = PayloadLog(
            url="s3://logs/here",
            mode="request",
            parameters={
                "aws_endpoint_url": url,
                "aws_access_key_id": "k",
                "aws_secret_access_key": "s3cret",
                "aws_region": "eu-central-1",
            },
        )
        async with serve(spec("Iris", payload_log=log)) as (server, client):
            for _ in range(2):
                await client.post(PATH, content=BODY, headers={"x-request-id": "r1"})
            await server.drain()
    first, second = objects
    assert first == "/logs/here/m/predictor/r1-request.json"
    assert re.fullmatch(r"/logs/here/m/predictor/r1-request-[0-9a-f]{8}\.json", second)
    kept = json.loads(objects[first])
    assert base64.b64decode(kept["bytes"]) == BODY
    assert "s3cret" not in str(objects)


def test_a_store_that_does_not_answer_says_which() -> None:
    log = PayloadLog(
        url="s3://bucket/logs?x=1",
        parameters={
            "aws_endpoint_url": "http://127.0.0.1:9",
            "aws_access_key_id": "k",
            "aws_secret_access_key": "s3cret",
            "format": "json",
        },
    )
    sink = StoreSink(log, ORIGIN)
    with pytest.raises(SinkError, match="s3://bucket/logs") as caught:
        sink.send([message()])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/a", "gs://bucket/a", "abfs://c@account.dfs.core.windows.net/a"],
)
def test_the_stores_that_kserve_names_are_known(url: str) -> None:
    check(PayloadLog(url=url))
    parameters = {"azure_storage_account_key": "a2V5"} if "abfs" in url else {}
    StoreSink(PayloadLog(url=url, parameters=parameters), ORIGIN)


def test_a_parameter_that_no_store_has_is_refused_when_the_model_is_loaded() -> None:
    log = PayloadLog(url="s3://bucket/a", parameters={"colour": "red"})
    with pytest.raises(ModelLoadError, match=r"s3://bucket/a cannot be used: .*colour"):
        check(log)


class Kept:
    """Keeps how large each batch was."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def send(self, messages: Sequence[Message]) -> None:
        self.batches.append(len(messages))

    def close(self) -> None: ...


async def test_a_batch_of_large_messages_goes_before_it_is_full() -> None:
    sink = Kept()
    rules = Rules(max_bytes=100_000, batch_size=1000)
    outbox = Outbox("m", sink, rules, Counts())
    for _ in range(12):
        if outbox.has_room(9000):
            outbox.put(message(body=bytes(9000)))
        time.sleep(0.02)  # noqa: ASYNC251 - only threads have something to do
    await outbox.close(5)
    assert sum(sink.batches) == 12
    assert len(sink.batches) > 1
    assert outbox.waiting_bytes == 0
