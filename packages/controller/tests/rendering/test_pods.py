"""Whole pods: as they are printed, and what must never change one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.placement import fresh
from inferry_controller.rendering.pods import pod
from inferry_controller.rendering.surroundings import NOTHING_KNOWN

if TYPE_CHECKING:
    from conftest import Bench

    from inferry.planning import ServingPlan

GOLDENS = Path(__file__).parent / "goldens"
MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}\n"
CUSTOM = """
serviceAccountName: me
runtimeClassName: fast
tolerations: [{key: gpu, operator: Exists}]
affinity: {nodeAffinity: {}}
topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}
volumes: [{name: mine, emptyDir: {}}]
containers:
  - image: registry/custom:1
    ports: [{containerPort: 9000, name: h2c}]
    volumeMounts: [{name: mine, mountPath: /mine}]
  - name: beside
    image: registry/beside:1
"""


@pytest.mark.parametrize(
    ("name", "predictor"), [("model", MODEL), ("containers", CUSTOM)]
)
def test_a_pod_looks_as_it_is_kept(bench: Bench, name: str, predictor: str) -> None:
    """To keep what it is now: write the left side into the file."""
    made = bench.pod(predictor).template
    kept = (GOLDENS / f"{name}.yaml").read_text("utf-8")
    assert yaml.safe_dump(made, sort_keys=False) == kept
    assert json.loads(json.dumps(made)) == made


def test_fields_of_the_pod_pass_through(bench: Bench) -> None:
    spec = bench.pod(CUSTOM).template["spec"]
    own = yaml.safe_load(CUSTOM)
    for key in ("serviceAccountName", "runtimeClassName", "tolerations", "affinity"):
        assert spec[key] == own[key]
    assert [each["name"] for each in spec["containers"]] == [
        "kserve-container",
        "beside",
    ]


def _template(plan: ServingPlan, options: RenderOptions) -> dict[str, Any]:
    placement = fresh(plan)[0]
    made = pod(
        placement.revision.components[0],
        placement.revision,
        plan,
        options,
        NOTHING_KNOWN,
        name="iris-predictor",
        slot=placement.slot,
    )
    return made.template


SCALING = some.fixed_dictionaries(
    {
        "minReplicas": some.integers(1, 3),
        "maxReplicas": some.integers(3, 9),
        "scaleTarget": some.integers(1, 90),
        "scaleMetric": some.sampled_from(["cpu", "memory"]),
        "canaryTrafficPercent": some.integers(0, 100),
    }
)
STEERING = some.dictionaries(
    some.sampled_from(
        [
            "serving.kserve.io/autoscalerClass",
            "serving.kserve.io/metric",
            "autoscaling.knative.dev/target",
            "autoscaling.knative.dev/min-scale",
        ]
    ),
    some.just("none"),
)
FEW = settings(max_examples=20, deadline=None)


@FEW
@given(scaling=SCALING, steering=STEERING)
def test_scaling_and_traffic_restart_no_pod(
    bench: Bench, scaling: dict[str, Any], steering: dict[str, str]
) -> None:
    options = RenderOptions()
    plain = _template(bench.planned(bench.service(MODEL)), options)
    text = bench.service(
        MODEL + yaml.safe_dump(scaling),
        metadata=yaml.safe_dump({"annotations": steering}),
    )
    assert _template(bench.planned(text), options) == plain


def test_what_is_served_restarts_them(bench: Bench) -> None:
    options = RenderOptions()
    other = MODEL.replace("s3://b/m", "s3://b/n")
    one = _template(bench.planned(bench.service(MODEL)), options)
    two = _template(bench.planned(bench.service(other)), options)
    assert (
        one["metadata"]["labels"]["inferry.dev/revision"]
        != (two["metadata"]["labels"]["inferry.dev/revision"])
    )


def test_the_version_of_the_controller_is_nowhere_in_a_pod(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But in the image that fetches, which a controller keeps for what runs."""
    plan = bench.planned(bench.service(MODEL))
    options = RenderOptions(storage_image="registry/inferry-storage:kept")
    before = _template(plan, options)
    monkeypatch.setattr("inferry_controller.options.version", lambda _name: "99.0.0")
    assert _template(plan, options) == before
    assert "99.0.0" not in str(before)


SERVICES = some.sampled_from(
    [MODEL, CUSTOM, MODEL + "batcher: {maxBatchSize: 2}\n", MODEL + "timeout: 5\n"]
)


@FEW
@given(text=SERVICES, user=some.sampled_from([0, 1000]))
def test_a_plan_always_gives_the_same_pod_and_is_not_changed(
    bench: Bench, text: str, user: int
) -> None:
    plan = bench.planned(bench.service(text))
    before = copy.deepcopy(msgspec.to_builtins(plan))
    options = RenderOptions(run_as_user=user)
    first = _template(plan, options)
    first["spec"]["containers"][0]["env"].append("changed")
    second = _template(plan, options)
    assert "changed" not in second["spec"]["containers"][0]["env"]
    assert _template(plan, options) == second
    assert msgspec.to_builtins(plan) == before


def test_the_resources_of_the_platform_are_for_those_without(bench: Bench) -> None:
    options = RenderOptions(
        container_requests={"cpu": "2"}, container_limits={"memory": "4Gi"}
    )
    (custom, beside) = bench.pod(CUSTOM, options=options).template["spec"]["containers"]
    assert custom["resources"] == {
        "requests": {"cpu": "2"},
        "limits": {"memory": "4Gi"},
    }
    assert "resources" not in beside
    (ours,) = bench.pod(MODEL, options=options).template["spec"]["containers"]
    assert ours["resources"]["requests"] == {"cpu": "1", "memory": "2Gi"}


def test_the_settings_of_the_platform_reach_our_server(bench: Bench) -> None:
    options = RenderOptions(server_environment={"INFERRY_SERVER__DOCS": "false"})
    (ours,) = bench.pod(MODEL, options=options).template["spec"]["containers"]
    told = {each["name"]: each["value"] for each in ours["env"]}
    assert told["INFERRY_SERVER__DOCS"] == "false"
    assert told["INFERRY_PLUGINS"] == "acme-acme"
    assert told["INFERRY_MODEL_SOURCE"] == "s3://b/m"
    assert told["INFERENCE_SERVICE_NAME"] == "iris"


@pytest.mark.parametrize(
    ("more", "ports"),
    [
        ("", [8080, 8081]),
        ("args: [--http_port=9000, --grpc_port=9001]", [9000, 9001]),
        ("args: [--enable_grpc=false]", [8080]),
        ("ports: [{containerPort: 1234}]", [1234]),
    ],
)
def test_the_ports_are_those_that_the_server_listens_on(
    bench: Bench, more: str, ports: list[int]
) -> None:
    (ours,) = bench.model(more).template["spec"]["containers"]
    assert [each["containerPort"] for each in ours["ports"]] == ports


@pytest.mark.parametrize(("gpus", "expected"), [(1, "t4"), (0, None)])
def test_a_gpu_is_looked_for_where_gke_has_it(
    bench: Bench, gpus: int, expected: str | None
) -> None:
    limits = f"{{nvidia.com/gpu: {gpus}}}" if gpus else "{cpu: 1}"
    text = bench.service(
        f"nodeSelector: {{disk: fast}}\n"
        f"containers: [{{image: i, resources: {{limits: {limits}}}}}]",
        metadata="annotations: {serving.kserve.io/gke-accelerator: t4}",
    )
    selector = bench.pod(text).template["spec"]["nodeSelector"]
    assert selector.get("cloud.google.com/gke-accelerator") == expected
    assert selector["disk"] == "fast"


def test_a_token_is_given_only_to_who_asks_for_it(bench: Bench) -> None:
    assert bench.pod(MODEL).template["spec"]["automountServiceAccountToken"] is False
    own = MODEL + "automountServiceAccountToken: true\n"
    assert bench.pod(own).template["spec"]["automountServiceAccountToken"] is True


def test_a_pod_tells_what_it_cannot_do(bench: Bench) -> None:
    plan = bench.planned(bench.service(CUSTOM + "batcher: {maxBatchSize: 2}\n"))
    (placement,) = fresh(plan)
    made = pod(
        placement.revision.components[0],
        placement.revision,
        plan,
        RenderOptions(),
        NOTHING_KNOWN,
        name="iris-predictor",
        slot="",
    )
    assert [each.path for each in made.problems] == ["spec.predictor.batcher"]
