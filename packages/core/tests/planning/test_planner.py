from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferry.errors import PlanningError
from inferry.planning import ServingPlan, explain, plan


def test_host_and_path_are_those_of_kserve(kitchen: Any) -> None:
    planned = plan(kitchen.model(metadata="namespace: lab"), kitchen.catalog())
    assert planned.host == "iris-lab.example.com"
    assert planned.hosts == {"predictor": "iris-predictor-lab.example.com"}
    assert planned.path == "/serving/lab/iris"
    assert planned.key == "lab/iris"


@pytest.mark.parametrize(
    ("template", "host"),
    [
        ("{name}.{namespace}.{domain}", "iris.default.example.com"),
        ("{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}", None),
        ("{{.Name}}.{{.Labels.team}}.{domain}", "iris.red.example.com"),
    ],
)
def test_the_template_may_be_ours_or_kserves(
    kitchen: Any, template: str, host: str | None
) -> None:
    catalog = kitchen.catalog(settings={"ingress.domain_template": template})
    service = kitchen.model(metadata="labels: {team: red}")
    assert plan(service, catalog).host == (host or "iris-default.example.com")


def test_a_host_that_is_none_is_refused(kitchen: Any) -> None:
    catalog = kitchen.catalog(settings={"ingress.domain": "not a domain"})
    with pytest.raises(PlanningError, match="is not a host name"):
        plan(kitchen.model(), catalog)


@pytest.mark.parametrize(("value", "stopped"), [("true", True), ("false", False)])
def test_the_stop_annotation_stops(kitchen: Any, value: str, stopped: bool) -> None:  # noqa: FBT001 - a parameter of the test
    service = kitchen.model(
        metadata=f'annotations: {{serving.kserve.io/stop: "{value}"}}'
    )
    assert plan(service, kitchen.catalog()).stopped is stopped


@given(
    threads=st.integers(0, 99),
    replicas=st.integers(1, 9),
    label=st.from_regex(r"[a-z]{1,5}", fullmatch=True),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_equal_documents_give_equal_plans(
    kitchen: Any, threads: int, replicas: int, label: str
) -> None:
    def planned() -> ServingPlan:
        service = kitchen.service(
            f"minReplicas: {replicas}\n"
            f'labels: {{l: "{label}"}}\n'
            "model:\n"
            "  modelFormat: {name: sklearn}\n"
            "  storageUri: /models/iris\n"
            f"  args: [--threads={threads}]"
        )
        return plan(service, kitchen.catalog())

    first, second = planned(), planned()
    assert first == second
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_planning_changes_no_document(kitchen: Any) -> None:
    service = kitchen.model("args: [--threads=1]\n")
    before = msgspec.json.encode(service)
    plan(service, kitchen.catalog())
    assert msgspec.json.encode(service) == before


def test_a_plan_survives_the_way_to_another_process(kitchen: Any) -> None:
    planned = plan(kitchen.model("args: [--threads=1]\n"), kitchen.catalog())
    assert (
        msgspec.json.decode(msgspec.json.encode(planned), type=ServingPlan) == planned
    )


def test_refused_fields_end_planning_and_are_all_named(kitchen: Any) -> None:
    service = kitchen.model(
        spec="transformer: {containers: [{name: kserve-container, image: t}]}\n"
        "explainer: {containers: [{name: kserve-container, image: e}]}",
    )
    with pytest.raises(PlanningError) as raised:
        plan(service, kitchen.catalog())
    assert raised.value.reason == "NotSupportedByBackend"
    assert "spec.transformer: the local backend starts no containers" in str(
        raised.value
    )
    assert "remove spec.transformer, spec.explainer, or use" in raised.value.remedy


def test_server_flags_of_the_service_are_reported(kitchen: Any) -> None:
    service = kitchen.model("args: [--http_port=9, --model_name=x]\n")
    (lost,) = plan(service, kitchen.catalog()).unhonoured
    assert lost.path == "spec.predictor.model.args[--http_port]"
    assert not lost.fatal


def test_pod_fields_of_a_runtime_from_yaml_are_reported(kitchen: Any) -> None:
    catalog = kitchen.catalog(
        kitchen.sklearn,
        kitchen.files,
        documents="""
            apiVersion: serving.kserve.io/v1alpha1
            kind: ClusterServingRuntime
            metadata: {name: kserve-sklearnserver}
            spec:
              supportedModelFormats: [{name: sklearn, autoSelect: true}]
              nodeSelector: {a: b}
              containers: [{name: kserve-container, image: i}]
        """,
    )
    (lost,) = plan(kitchen.model(), catalog).unhonoured
    assert lost.path == "ClusterServingRuntime/kserve-sklearnserver.spec.nodeSelector"


def test_an_explanation_says_where_everything_comes_from(kitchen: Any) -> None:
    onnx = kitchen.runtime("onnx")
    catalog = kitchen.catalog(kitchen.sklearn, onnx, kitchen.files)
    explained = explain(kitchen.model("args: [--threads=2]\n"), catalog)
    (part,) = explained.components
    assert explained.url == "http://iris-default.example.com"
    assert part.origin == "plugin acme-sklearn 1.2.3"
    assert [(each.name, each.chosen) for each in part.candidates] == [
        ("onnx", False),
        ("sklearn", True),
    ]
    assert part.candidates[0].why == "does not serve sklearn"
    origins = {each.name: each.origin for each in part.options}
    assert origins["threads"] == "spec.predictor.model.args"
    assert origins["method"] == "default"
    assert part.storage[0].plugin == "acme-local"
    assert part.scaling.policy == "none"


def test_an_explanation_fits_the_plan(kitchen: Any) -> None:
    service, catalog = kitchen.model(), kitchen.catalog()
    planned, explained = plan(service, catalog), explain(service, catalog)
    assert explained.host == planned.host
    assert explained.unhonoured == planned.unhonoured
    assert explained.components[0].revision == planned.revisions[0].name
