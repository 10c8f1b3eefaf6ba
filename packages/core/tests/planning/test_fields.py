from __future__ import annotations

from typing import Any

import pytest

from inferry.api import _kubernetes
from inferry.api._names import ANNOTATIONS
from inferry.errors import PlanningError
from inferry.planning import cluster_fields, fields, plan
from inferry.planning._unhonoured import schema_fields
from inferry.status import Reason

TABLES = {
    **fields.FIELDS,
    **{f"pod.{key}": value for key, value in fields.POD_FIELDS.items()},
    **{f"container.{key}": value for key, value in fields.CONTAINER_FIELDS.items()},
    **fields.ANNOTATIONS,
}


def test_every_field_of_the_schema_is_in_the_table() -> None:
    missing = sorted(set(schema_fields()) - set(fields.FIELDS))
    assert missing == []


def test_the_table_holds_no_field_that_does_not_exist() -> None:
    unknown = sorted(set(fields.FIELDS) - set(schema_fields()))
    assert unknown == []


@pytest.mark.parametrize("key", sorted(TABLES))
def test_what_is_not_honoured_says_why(key: str) -> None:
    treatment = TABLES[key]
    assert treatment.action == "honoured" or treatment.why


@pytest.mark.parametrize("key", sorted(cluster_fields.CLUSTER))
def test_what_a_cluster_does_not_honour_is_a_field_and_says_why(key: str) -> None:
    group, _, name = key.partition(".")
    pods = {"pod": "PodSpec", "container": "Container"}
    if group in pods:
        assert name in _kubernetes.fields(pods[group])
    elif "/" in key:
        assert key in ANNOTATIONS
    else:
        assert key in fields.FIELDS
    treatment = cluster_fields.CLUSTER[key]
    assert treatment.why
    assert {treatment.standard, treatment.knative} != {"honoured"}


CANARY = """\
canary:
  - trafficPercent: 10
    predictor:
      name: next
      model: {modelFormat: {name: sklearn}, storageUri: s3://models/next}
"""


@pytest.mark.parametrize(
    ("predictor", "spec", "mode", "path"),
    [
        ("deploymentStrategy: {type: Recreate}", "", "Knative", "deploymentStrategy"),
        ("", CANARY, "Knative", "spec.canary"),
        ("workerSpec: {}", "", "Standard", "workerSpec"),
        ("activeDeadlineSeconds: 5", "", "Standard", "activeDeadlineSeconds"),
    ],
)
def test_a_mode_refuses_what_it_cannot_do(
    kitchen: Any, predictor: str, spec: str, mode: Any, path: str
) -> None:
    model = "model: {modelFormat: {name: sklearn}, storageUri: 'pvc://models/iris'}"
    service = kitchen.service(f"{predictor}\n{model}", spec=spec)
    with pytest.raises(PlanningError) as caught:
        plan(service, kitchen.catalog(), backend="kubernetes", mode=mode)
    assert caught.value.reason == Reason.NotSupportedByBackend
    assert path in caught.value.message


def test_the_other_mode_honours_it(kitchen: Any) -> None:
    model = "model: {modelFormat: {name: sklearn}, storageUri: 'pvc://models/iris'}"
    service = kitchen.service(
        f"deploymentStrategy: {{type: Recreate}}\n{model}", spec=CANARY
    )
    made = plan(service, kitchen.catalog(), backend="kubernetes", mode="Standard")
    assert made.unhonoured == ()


def test_the_annotation_wins_over_the_mode_of_the_platform(kitchen: Any) -> None:
    model = "model: {modelFormat: {name: sklearn}, storageUri: 'pvc://models/iris'}"
    service = kitchen.service(
        f"scaleMetricType: Utilization\n{model}",
        metadata="annotations: {serving.kserve.io/deploymentMode: Serverless}",
    )
    made = plan(service, kitchen.catalog(), backend="kubernetes", mode="Standard")
    assert [each.path for each in made.unhonoured] == ["spec.predictor.scaleMetricType"]


def test_what_nothing_reads_is_reported_on_a_cluster_too(kitchen: Any) -> None:
    service = kitchen.service(
        """
        batcher: {maxBatchSize: 4, timeout: 5}
        logger: {url: "http://sink", marshallerUrl: "http://marshal"}
        model: {modelFormat: {name: sklearn}, storageUri: "pvc://models/iris"}
        """,
        metadata="annotations: {serving.kserve.io/enable-auth: 'true'}",
    )
    made = plan(service, kitchen.catalog(), backend="kubernetes")
    assert [each.path for each in made.unhonoured] == [
        "metadata.annotations[serving.kserve.io/enable-auth]",
        "spec.predictor.logger.marshallerUrl",
        "spec.predictor.batcher.timeout",
    ]
    assert not any(each.fatal for each in made.unhonoured)


def test_every_field_can_be_planned_for_a_cluster(kitchen: Any) -> None:
    """No field of a component is unknown to the walk, whatever its depth."""
    service = kitchen.service(
        """
        minReplicas: 1
        maxReplicas: 3
        autoScaling:
          metrics:
            - type: Resource
              resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
          behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
        model: {modelFormat: {name: sklearn}, storageUri: "pvc://models/iris"}
        """,
        spec="explainer: {containers: [{name: kserve-container, image: a}]}",
    )
    made = plan(service, kitchen.catalog(), backend="kubernetes")
    assert made.unhonoured == ()
