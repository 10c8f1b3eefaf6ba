from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inferry.api import Loaded

MODEL = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/m"}


@pytest.mark.parametrize(
    ("model", "path", "message", "suggestion"),
    [
        ({"storageURI": "a"}, "storageURI", "unknown field", "storageUri"),
        ({"zzz": 1}, "zzz", "unknown field", ""),
        ({"modelFormat": "sklearn"}, "modelFormat", "must be a mapping, not text", ""),
        ({"modelFormat": {}}, "modelFormat.name", "is required", ""),
        (
            {"modelFormat": {"name": "sklearn", "version": 1}},
            "modelFormat.version",
            'must be text, but YAML reads 1 as a number; quote it: "1"',
            "",
        ),
        (
            {"protocolVersion": "V2"},
            "protocolVersion",
            "is 'V2', which is none of grpc-v1, grpc-v2, v1, v2",
            "v2",
        ),
        ({"args": "--a"}, "args", "must be a list, not text", ""),
        ({"args": [1]}, "args[0]", 'reads 1 as a number; quote it: "1"', ""),
        ({"args": [None]}, "args[0]", "must be text, not null", ""),
        ({"env": [{"name": "A", "vale": "b"}]}, "env[0].vale", "unknown", "value"),
        ({"env": [{"value": "b"}]}, "env[0].name", "is required", ""),
        ({"env": ["A=b"]}, "env[0]", "must be a mapping, not text", ""),
        (
            {"env": [{"name": "A", "value": True}]},
            "env[0].value",
            'must be text, but YAML reads true as a boolean; quote it: "true"',
            "",
        ),
        (
            {"resources": {"limits": {"memory": "4GB"}}},
            "resources.limits.memory",
            "must be a quantity such as 500m, 2 or 1Gi, not '4GB'",
            "",
        ),
        ({"resources": {"limits": []}}, "resources.limits", "not a list", ""),
        ({"stdin": "true"}, "stdin", "remove the quotes around true", ""),
        ({"stdin": "maybe"}, "stdin", "must be true or false, not 'maybe'", ""),
        (
            {"ports": [{"containerPort": "80"}]},
            "ports[0].containerPort",
            "remove the quotes around 80",
            "",
        ),
        (
            {"ports": [{"containerPort": 80.5}]},
            "ports[0].containerPort",
            "must be a whole number, not 80.5",
            "",
        ),
        (
            {"ports": [{"containerPort": 2**70}]},
            "ports[0].containerPort",
            "is too large",
            "",
        ),
        (
            {"ports": [{"containerPort": 2**32 + 80}]},
            "ports[0].containerPort",
            "is too large: 4294967376; the limit is 2147483647",
            "",
        ),
        (
            {"ports": [{"containerPort": -(2**31)}]},
            "ports[0].containerPort",
            "is too small: -2147483648; the limit is -2147483647",
            "",
        ),
        (
            {"readinessProbe": {"httpGet": {"port": True}}},
            "readinessProbe.httpGet.port",
            "must be a whole number, not a boolean",
            "",
        ),
        ({"storage": {"parameters": {"a": 1}}}, "storage.parameters.a", "number", ""),
    ],
)
def test_what_does_not_fit_is_told(
    service: Callable[..., Loaded], model: Any, path: str, message: str, suggestion: str
) -> None:
    (problem,) = service({"predictor": {"model": MODEL | model}}).problems

    assert problem.path == f"spec.predictor.model.{path}"
    assert message in problem.message
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    "model",
    [
        {"resources": {"limits": {"cpu": 1, "memory": "1Gi", "x.io/y": 0.5}}},
        {"readinessProbe": {"httpGet": {"port": "http", "path": "/"}}},
        {"readinessProbe": {"httpGet": {"port": 8080}}},
        {"readinessProbe": {"terminationGracePeriodSeconds": 2**40}},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
        {"securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}}},
        {"args": None, "runtime": None},
        {"storage": {"key": "k", "schemaPath": "s", "parameters": {}}},
        {"storageUri": None, "storage": {"key": "k", "path": "p"}},
    ],
)
def test_what_fits_passes(service: Callable[..., Loaded], model: Any) -> None:
    assert service({"predictor": {"model": MODEL | model}}).problems == ()


def test_all_problems_are_told_at_once(service: Callable[..., Loaded]) -> None:
    model = MODEL | {"storageURI": "a", "protocolVersion": "v9", "stdin": "x"}
    predictor = {"model": model, "minReplica": 1, "maxReplicas": "2"}

    paths = [each.path for each in service({"predictor": predictor, "x": 1}).problems]

    assert sorted(paths) == [
        "spec.predictor.maxReplicas",
        "spec.predictor.minReplica",
        "spec.predictor.model.protocolVersion",
        "spec.predictor.model.stdin",
        "spec.predictor.model.storageURI",
        "spec.x",
    ]


def test_what_could_not_be_read_makes_no_further_problem(
    service: Callable[..., Loaded],
) -> None:
    (problem,) = service({"predictor": {"modle": MODEL}}).problems

    assert (problem.path, problem.suggestion) == ("spec.predictor.modle", "model")


def test_a_field_one_level_too_high_is_told_where_it_belongs(
    service: Callable[..., Loaded],
) -> None:
    predictor = {"model": {"modelFormat": {"name": "a"}}, "storageUri": "s3://b"}

    (problem,) = service({"predictor": predictor}).problems

    assert problem.path == "spec.predictor.storageUri"
    assert "belongs under 'model'" in problem.message


@pytest.mark.parametrize("field", ["modelFormat", "runtime"])
def test_a_legacy_key_has_no_field_of_model(
    service: Callable[..., Loaded], field: Any
) -> None:
    value = {"name": "a"} if field == "modelFormat" else "a"

    (problem,) = service({"predictor": {"sklearn": {field: value}}}).problems

    assert problem.path == f"spec.predictor.sklearn.{field}"


@pytest.mark.parametrize("field", ["pod", "container"])
def test_the_inlined_parts_have_no_name_of_their_own(
    service: Callable[..., Loaded], field: Any
) -> None:
    model = {"model": MODEL}
    spec = {"predictor": model | {"pod": {}}}
    if field == "container":
        spec = {"predictor": {"model": MODEL | {"container": {}}}}

    assert [each.message.split()[0] for each in service(spec).problems] == ["unknown"]


def test_a_share_out_of_range_is_told(service: Callable[..., Loaded]) -> None:
    (problem,) = service(
        {"predictor": {"model": MODEL, "canaryTrafficPercent": 101}}
    ).problems

    assert problem.message == "must be from 0 to 100, not 101"


@pytest.mark.parametrize("canary", [1, "x", {"predictor": 1}, {"model": MODEL}, {}])
def test_a_canary_of_another_shape_is_told(
    service: Callable[..., Loaded], canary: Any
) -> None:
    loaded = service({"predictor": {"model": MODEL}, "canary": canary})

    assert loaded.errors
    assert all(each.path.startswith("spec.canary") for each in loaded.errors)


def test_a_metric_and_a_behaviour_are_checked_deeply(
    service: Callable[..., Loaded],
) -> None:
    scaling = {
        "metrics": [{"type": "Resource", "resource": {"nam": "cpu"}}],
        "behavior": {"scaleDwn": {}},
    }

    paths = {
        each.path
        for each in service(
            {"predictor": {"model": MODEL, "autoScaling": scaling}}
        ).problems
    }

    assert "spec.predictor.autoScaling.metrics[0].resource.nam" in paths
    assert "spec.predictor.autoScaling.behavior.scaleDwn" in paths


def test_what_a_server_writes_is_accepted(service: Callable[..., Loaded]) -> None:
    loaded = service(
        {"predictor": {"model": MODEL}},
        uid="u",
        resourceVersion="1",
        generation=3,
        creationTimestamp="2026-01-01T00:00:00Z",
        selfLink="/x",
        finalizers=["f"],
        managedFields=[{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        ownerReferences=[{"uid": "x"}],
    )

    assert loaded.problems == ()
    assert loaded.documents[0].document.metadata.generation == 3
