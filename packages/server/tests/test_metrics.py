"""What ``/metrics`` shows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from inferry_server import PayloadLog
from inferry_server.metrics import FAMILIES, GENERATION

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from prometheus_client.samples import Sample
    from serving import Serve, SpecOf


#: Those of generation, which models that generate nothing do not have.
SHOWN = {
    f"{family.name}{'_total' if family.kind == 'counter' else ''}"
    for family in GENERATION
}


async def samples(client: httpx.AsyncClient) -> list[Sample]:
    text = (await client.get("/metrics")).text
    return [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def value(found: list[Sample], name: str, **labels: str) -> float:
    (one,) = (s.value for s in found if s.name == name and s.labels == labels)
    return one


async def test_every_family_is_shown_as_it_is_documented(
    serve: Serve, spec: SpecOf, tmp_path: Path
) -> None:
    what = spec("Iris", payload_log=PayloadLog(url=tmp_path.as_uri()))
    talker = spec("talking_models:Talker", name="t")
    async with serve(spec("Pair", name="p"), what, talker) as (_, client):
        await client.post("/v1/models/m:predict", json={"instances": [[1, 2, 3, 4]]})
        body = {"instances": [{"text": "a", "size": [1]}]}
        answer = await client.post("/v1/models/p:explain", json=body)
        assert answer.status_code == 200
        text = (await client.get("/metrics")).text
    shown = {
        family.name: (
            family.type,
            {label for s in family.samples for label in s.labels},
        )
        for family in text_string_to_metric_families(text)
        if family.name.startswith(("inferry_", "request_"))
    }
    expected = {
        family.name: (
            family.kind,
            {*family.labels, *(["le"] if family.kind == "histogram" else [])},
        )
        for family in FAMILIES
    }
    empty = {"inferry_receive_duration_seconds"}  # small bodies come with their heads
    assert {name: shown[name] for name in expected.keys() - empty} == {
        name: expected[name] for name in expected.keys() - empty
    }
    assert shown.keys() == expected.keys()


async def test_phases_and_bytes_are_counted(serve: Serve, spec: SpecOf) -> None:
    body = b'{"instances": [[1, 2, 3, 4], [1, 2, 3, 4]]}'
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post("/v1/models/m:predict", content=body)
        found = await samples(client)
    by_protocol = {"model": "m", "protocol": "v1"}
    assert value(found, "inferry_request_bytes_total", **by_protocol) == len(body)
    sent = value(found, "inferry_response_bytes_total", **by_protocol)
    assert sent == len(answer.content)
    for phase in ("decode", "queue", "predict", "encode"):
        name = f"inferry_{phase}_duration_seconds"
        assert value(found, f"{name}_count", model="m") == 1
        assert value(found, f"{name}_sum", model="m") > 0
    assert value(found, "request_predict_seconds_count", model_name="m") == 1
    assert value(found, "inferry_batch_size_sum", model="m") == 2
    assert value(found, "inferry_batch_size_bucket", model="m", le="1.0") == 0
    assert value(found, "inferry_batch_size_bucket", model="m", le="2.0") == 1


async def test_buckets_hold_what_took_so_long(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Slow", options={"seconds": 0.03})) as (_, client):
        await client.post("/v1/models/m:predict", json={"instances": [1]})
        found = await samples(client)
    name = "inferry_predict_duration_seconds_bucket"
    assert value(found, name, model="m", le="0.025") == 0
    assert value(found, name, model="m", le="60.0") == 1
    assert value(found, name, model="m", le="+Inf") == 1


async def test_requests_in_flight_are_shown(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("SlowAsync", options={"seconds": 0.4})) as (_, client):
        slow = asyncio.create_task(
            client.post("/v1/models/m:predict", json={"instances": [1]})
        )
        await asyncio.sleep(0.2)
        during = await samples(client)
        await slow
        after = await samples(client)
    assert value(during, "inferry_requests_in_flight", protocol="v1") == 1
    assert value(after, "inferry_requests_in_flight", protocol="v1") == 0


async def test_what_a_model_generates_is_shown(serve: Serve, spec: SpecOf) -> None:
    talker = spec("talking_models:Talker")
    async with serve(talker, spec("Iris", name="iris")) as (_, client):
        found = await samples(client)
    assert value(found, "inferry_first_token_duration_seconds_sum", model="m") == 0.2
    name = "inferry_first_token_duration_seconds_bucket"
    assert value(found, name, model="m", le="0.1") == 0
    assert value(found, name, model="m", le="0.25") == 1
    assert value(found, "inferry_token_duration_seconds_count", model="m") == 1
    assert {s.name[8:]: s.value for s in found if s.name in SHOWN} == {
        "prompt_tokens_total": 30,
        "generated_tokens_total": 40,
        "generations_running": 1,
        "generations_waiting": 2,
        "cached_tokens": 70,
        "cached_tokens_limit": 512,
    }
