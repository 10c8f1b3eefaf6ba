"""`render`: the whole of one service, and that it is pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inferry_controller.options import RenderOptions
from inferry_controller.rendering import Placement, fresh, render

if TYPE_CHECKING:
    from conftest import Bench

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
FRONTS = """
transformer:
  containers: [{name: t, image: transform}]
explainer:
  containers: [{name: e, image: explain}]
"""
CANARY = f"canary: [{{trafficPercent: 20, predictor: {{name: next, {MODEL}}}}}]"


def _names(objects: tuple[dict[str, Any], ...]) -> list[tuple[str, str]]:
    return [(each["kind"], each["metadata"]["name"]) for each in objects]


def test_plain_service_is_three_objects(bench: Bench) -> None:
    """Each is a call to the API server."""
    assert _names(bench.render().objects) == [
        ("Service", "iris-predictor"),
        ("Deployment", "iris-predictor"),
        ("HTTPRoute", "iris"),
    ]


def test_objects_come_in_the_order_of_applying(bench: Bench) -> None:
    """What decides about pods comes after them, what leads to them at last."""
    rendered = bench.render(
        bench.service(f"{MODEL}\nmaxReplicas: 3", spec=FRONTS),
        network_policy=True,
        monitor="pod",
    )
    assert list(dict.fromkeys(kind for kind, _ in _names(rendered.objects))) == [
        "Service",
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "PodMonitor",
        "HTTPRoute",
    ]


@pytest.mark.parametrize("mode", ["Standard", "Knative"])
@pytest.mark.parametrize("spec", ["", FRONTS])
def test_every_object_says_what_it_is_and_whose(
    bench: Bench, mode: str, spec: str
) -> None:
    """Watches and pruning go by it; no two objects are the same one."""
    objects = bench.render(bench.service(MODEL, spec=spec), mode=mode).objects
    found = set()
    for each in objects:
        assert list(each)[:3] == ["apiVersion", "kind", "metadata"]
        metadata = each["metadata"]
        labels = metadata["labels"]
        assert metadata["namespace"] == "team"
        assert labels["serving.kserve.io/inferenceservice"] == "iris"
        assert labels["app.kubernetes.io/managed-by"] == "inferry-controller"
        assert "ownerReferences" not in metadata
        found.add((each["apiVersion"], each["kind"], metadata["name"]))
    assert len(found) == len(objects)


def test_labels_and_annotations_may_be_kept_back(bench: Bench) -> None:
    """KServe's lists of what its objects do not get."""
    metadata = "labels: {team: a, cost: b}\nannotations: {note: c, mail: d}"
    rendered = bench.render(
        bench.service(MODEL, metadata=metadata),
        labels_kept_back=("cost",),
        annotations_kept_back=("mail",),
    )
    for each in rendered.objects:
        assert "cost" not in each["metadata"]["labels"]
        assert "mail" not in each["metadata"]["annotations"]
        assert each["metadata"]["annotations"]["note"] == "c"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    options=st.builds(
        RenderOptions,
        mode=st.sampled_from(["Standard", "Knative"]),
        ingress=st.sampled_from(["gateway", "none"]),
        headless=st.booleans(),
        network_policy=st.booleans(),
        route_timeouts=st.booleans(),
        virtual_service=st.booleans(),
        monitor=st.sampled_from(["none", "service", "pod"]),
        path_template=st.sampled_from(["", "/serving/{namespace}/{name}"]),
    ),
    spec=st.sampled_from(["", FRONTS]),
    low=st.integers(0, 3),
    more=st.integers(0, 3),
)
def test_rendering_is_pure(
    bench: Bench, options: RenderOptions, spec: str, low: int, more: int
) -> None:
    """Equal arguments give equal objects, and the plan is as it was."""
    text = f"{MODEL}\nminReplicas: {low}\nmaxReplicas: {low + more}"
    plan = bench.planned(bench.service(text, spec=spec))
    before = msgspec.json.encode(plan)
    first = json.dumps(msgspec.to_builtins(render(plan, options)))
    assert json.dumps(msgspec.to_builtins(render(plan, options))) == first
    assert msgspec.json.encode(plan) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    weights=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    kept=st.booleans(),
    main=st.booleans(),
)
def test_no_route_leads_nowhere(
    bench: Bench, weights: tuple[int, int], *, kept: bool, main: bool
) -> None:
    """Whatever a rollout decides: each backend is a Service, and one may be asked."""
    plan = bench.planned(bench.service(MODEL))
    (old,) = fresh(plan)
    newer = msgspec.structs.replace(old.revision, name="feed")
    new = Placement(revision=newer, slot="@feed", weight=weights[0], main=main)
    old = msgspec.structs.replace(old, weight=weights[1], main=not main)
    if kept:
        old = msgspec.structs.replace(old, kept=True, weight=0, main=False)
        new = msgspec.structs.replace(new, main=True)
    objects = render(plan, RenderOptions(), (new, old)).objects
    names = _names(objects)
    for route in (each for each in objects if each["kind"] == "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            backends = rule["backendRefs"]
            assert sum(each["weight"] for each in backends) > 0
            assert all(("Service", each["name"]) in names for each in backends)


def test_named_canary_has_objects_of_its_own(bench: Bench) -> None:
    """With KServe's names."""
    names = _names(bench.render(bench.service(MODEL, spec=CANARY)).objects)
    assert names == [
        ("Service", "iris-predictor"),
        ("Service", "iris-next-predictor"),
        ("Deployment", "iris-predictor"),
        ("Deployment", "iris-next-predictor"),
        ("HTTPRoute", "iris"),
    ]
