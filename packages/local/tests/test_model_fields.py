"""A predictor's plan as what a replica is told of its model."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inferry.errors import PlanningError
from inferry.planning import ComponentPlan, ModelPlan
from inferry_local.model_fields import batching, model_fields, payload_log
from inferry_server.states import Batching, PayloadLog


def predictor(**fields: Any) -> ComponentPlan:
    return ComponentPlan(
        component="predictor",
        model=ModelPlan(name="iris", format="onnx", target="m:M"),
        labels={"serving.kserve.io/inferenceservice": "iris"},
        annotations={"team": "blue", "cost": "7"},
        **fields,
    )


@pytest.mark.parametrize(
    ("batcher", "expected"),
    [
        (None, None),
        ({}, Batching(max_size=32, max_delay=5.0)),
        ({"maxBatchSize": 8, "maxLatency": 20}, Batching(max_size=8, max_delay=0.02)),
        ({"maxLatency": 0}, Batching(max_size=32, max_delay=0.0)),
    ],
)
def test_a_batcher_has_kserves_defaults_and_milliseconds(
    batcher: dict[str, Any] | None, expected: Batching | None
) -> None:
    fields = batching(batcher)
    assert (fields and msgspec.convert(fields, Batching)) == expected


def test_a_logger_over_http() -> None:
    logger = {
        "url": "http://sink:8080/in",
        "mode": "request",
        "metadataHeaders": ["x-user"],
        "metadataAnnotations": ["team", "absent"],
    }
    fields = payload_log(predictor(logger=logger))
    assert msgspec.convert(fields, PayloadLog, strict=True) == PayloadLog(
        url="http://sink:8080/in",
        mode="request",
        metadata_headers=("x-user",),
        metadata_annotations={"team": "blue"},
    )


def test_a_logger_to_object_storage() -> None:
    logger = {
        "url": "s3://logs/",
        "storage": {"path": "/iris/", "parameters": {"format": "parquet", "a": "b"}},
        "batchSize": 100,
        "batchInterval": "1m30s",
    }
    fields = payload_log(predictor(logger=logger))
    assert msgspec.convert(fields, PayloadLog) == PayloadLog(
        url="s3://logs/iris",
        format="parquet",
        batch_size=100,
        batch_interval=90.0,
        parameters={"a": "b"},
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batcher": {"maxBatchSize": 0}}, "spec.predictor.batcher: maxBatchSize is"),
        ({"batcher": {"maxLatency": -1}}, "spec.predictor.batcher: maxBatchSize is"),
        ({"logger": {"mode": "all"}}, "spec.predictor.logger: url says where"),
        (
            {"logger": {"url": "s3://a", "batchInterval": "soon"}},
            "spec.predictor.logger: batchInterval is 'soon'",
        ),
        (
            {"logger": {"url": "s3://a", "storage": {"parameters": {"format": "x"}}}},
            "spec.predictor.logger: storage.parameters.format is 'x'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanningError) as caught:
        model_fields(predictor(**fields), None)
    assert str(caught.value).startswith(message)


def test_a_model_knows_its_service() -> None:
    fields = model_fields(predictor(concurrency=3), None)
    assert (fields["name"], fields["service"], fields["concurrency"]) == (
        "iris",
        "iris",
        3,
    )
    assert (fields["batching"], fields["payload_log"]) == (None, None)
