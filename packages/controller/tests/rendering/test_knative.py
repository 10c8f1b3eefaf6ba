"""Knative mode: Services, traffic, Istio, and what Knative refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from inferry_controller.rendering import Placement, Surroundings, fresh

from inferry.errors import PlanningError

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
FRONTS = """
transformer:
  containers: [{name: t, image: transform}]
explainer:
  containers: [{name: e, image: explain}]
"""


def _knative(rendered: Rendered, name: str = "iris-predictor") -> dict[str, Any]:
    (found,) = (
        each
        for each in rendered.objects
        if each["apiVersion"] == "serving.knative.dev/v1"
        and each["metadata"]["name"] == name
    )
    return found


def _template(rendered: Rendered) -> dict[str, Any]:
    template: dict[str, Any] = _knative(rendered)["spec"]["template"]
    return template


def _virtual(rendered: Rendered) -> dict[str, Any]:
    (found,) = (e for e in rendered.objects if e["kind"] == "VirtualService")
    spec: dict[str, Any] = found["spec"]
    return spec


def _scaling(rendered: Rendered) -> dict[str, str]:
    prefix = "autoscaling.knative.dev/"
    return {
        key.removeprefix(prefix): value
        for key, value in _template(rendered)["metadata"]["annotations"].items()
        if key.startswith(prefix)
    }


def test_mode_is_the_annotation_s_then_the_setting_s(bench: Bench) -> None:
    """KServe's older names are known, too."""
    text = "annotations: {serving.kserve.io/deploymentMode: %s}"
    for named, kind in (("Serverless", "Knative"), ("RawDeployment", "Standard")):
        rendered = bench.render(bench.service(MODEL, metadata=text % named))
        kinds = {each["apiVersion"] for each in rendered.objects}
        assert ("serving.knative.dev/v1" in kinds) == (kind == "Knative")
    assert _knative(bench.render(mode="Knative"))


def test_unknown_mode_is_refused(bench: Bench) -> None:
    """KServe falls back to its default in silence."""
    plan = bench.planned(bench.service(MODEL))
    odd = {"serving.kserve.io/deploymentMode": "ModelMesh"}
    plan = msgspec.structs.replace(plan, annotations=odd)
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering import render

    with pytest.raises(PlanningError, match="ModelMesh"):
        render(plan, RenderOptions())


def test_scaling_is_told_in_annotations_of_the_template(bench: Bench) -> None:
    """Without maxReplicas there is no limit, as in KServe."""
    assert _scaling(bench.render(mode="Knative")) == {
        "class": "kpa.autoscaling.knative.dev",
        "min-scale": "1",
    }
    text = "minReplicas: 0\nmaxReplicas: 7\nscaleMetric: rps\nscaleTarget: 20"
    assert _scaling(bench.render(text, mode="Knative")) == {
        "class": "kpa.autoscaling.knative.dev",
        "min-scale": "0",
        "max-scale": "7",
        "metric": "rps",
        "target": "20",
    }


def test_annotations_of_scaling_stand_in_the_template_alone(bench: Bench) -> None:
    """Knative refuses them on the Service."""
    metadata = "annotations: {autoscaling.knative.dev/window: 30s, team: a}"
    rendered = bench.render(bench.service(MODEL, metadata=metadata), mode="Knative")
    assert "autoscaling.knative.dev/window" not in str(_knative(rendered)["metadata"])
    assert _scaling(rendered)["window"] == "30s"


def test_limits_of_requests_are_knative_s(bench: Bench) -> None:
    """Its proxy holds them, in front of each container."""
    text = "timeout: 30\ncontainerConcurrency: 5"
    spec = _template(bench.render(text, mode="Knative"))["spec"]
    assert spec["timeoutSeconds"] == 30
    assert spec["responseStartTimeoutSeconds"] == 30
    assert spec["containerConcurrency"] == 5


def test_pod_has_what_knative_takes_and_nothing_else(bench: Bench) -> None:
    """One port; no lifecycle, no grace period; users and profiles of each container."""
    rendered = bench.render(mode="Knative")
    spec = _template(rendered)["spec"]
    assert set(spec) == {
        "automountServiceAccountToken",
        "containers",
        "enableServiceLinks",
        "initContainers",
        "volumes",
    }
    (container,) = spec["containers"]
    assert "lifecycle" not in container
    assert container["ports"] == [{"name": "http1", "containerPort": 8080}]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert "app" not in _template(rendered)["metadata"]["labels"]


def test_features_that_the_pod_needs_are_named(bench: Bench) -> None:
    """A cluster without them refuses the Service."""
    rendered = bench.render("nodeSelector: {disk: ssd}", mode="Knative")
    assert {each.path: each.why.rpartition(" ")[2] for each in rendered.problems} == {
        "spec.predictor.nodeSelector": "kubernetes.podspec-nodeselector",
        "spec.predictor.initContainers": "kubernetes.podspec-init-containers",
    }
    assert _template(rendered)["spec"]["nodeSelector"] == {"disk": "ssd"}


def test_what_knative_refuses_is_left_out_and_told(bench: Bench) -> None:
    """Only what the document asked for: our own defaults go in silence."""
    text = """
    hostname: here
    containers:
    - name: kserve-container
      image: i
      lifecycle: {preStop: {sleep: {seconds: 1}}}
      ports: [{containerPort: 8080}, {containerPort: 9000}]
    """
    rendered = bench.render(text, mode="Knative")
    assert {each.path for each in rendered.problems} == {
        "spec.predictor.hostname",
        "spec.predictor.kserve-container.lifecycle",
        "spec.predictor.kserve-container.ports[1]",
    }


def test_grpc_protocol_is_served_as_h2c(bench: Bench) -> None:
    """The probes ask another port, which Knative does not allow."""
    text = """
    model:
      modelFormat: {name: acme}
      protocolVersion: grpc-v2
      storageUri: s3://b/m
    """
    rendered = bench.render(bench.service(text), mode="Knative")
    (container,) = _template(rendered)["spec"]["containers"]
    assert container["ports"] == [{"name": "h2c", "containerPort": 8081}]
    assert "readinessProbe" not in container
    assert rendered.grpc_urls == {
        "predictor": "grpc://iris-predictor.team.example.com:80"
    }
    assert rendered.rest_urls == {}


def _two(bench: Bench, text: str, known: str) -> Rendered:
    (new,) = fresh(bench.planned(text))
    older = msgspec.structs.replace(new.revision, name="feed")
    names: dict[str, str] = {"predictor": known} if known else {}
    old = Placement(
        revision=older,
        main=True,
        weight=90,
        knative=names,
    )
    new = msgspec.structs.replace(new, slot="@new", main=False, weight=10)
    return bench.render(text, placements=(old, new), mode="Knative")


def test_first_revision_gets_all_whatever_its_share(bench: Bench) -> None:
    """There is nothing to share with."""
    rendered = bench.render("canaryTrafficPercent: 10", mode="Knative")
    traffic = _knative(rendered)["spec"]["traffic"]
    assert traffic == [{"latestRevision": True, "percent": 100}]


@pytest.mark.parametrize("tagged", [False, True])
def test_share_of_the_newest_leaves_the_rest_to_the_rolled_out_one(
    bench: Bench, *, tagged: bool
) -> None:
    """As KServe, with its tags where they are asked for."""
    metadata = (
        'annotations: {serving.kserve.io/enable-tag-routing: "true"}' if tagged else ""
    )
    text = bench.service(f"{MODEL}\ncanaryTrafficPercent: 10", metadata=metadata)
    traffic = _knative(_two(bench, text, "iris-predictor-00001"))["spec"]["traffic"]
    shares = [
        {"latestRevision": True, "percent": 10},
        {"revisionName": "iris-predictor-00001", "percent": 90},
    ]
    if tagged:
        shares[0]["tag"], shares[1]["tag"] = "latest", "prev"
    assert traffic == shares


def test_revision_that_knative_has_not_named_yet_is_told(bench: Bench) -> None:
    """All requests go to the newest then."""
    text = bench.service(f"{MODEL}\ncanaryTrafficPercent: 10")
    rendered = _two(bench, text, "")
    assert "spec.predictor.canaryTrafficPercent" in {e.path for e in rendered.problems}


def test_named_canaries_are_refused(bench: Bench) -> None:
    """KServe's rule; Knative has one line of revisions."""
    canary = f"canary:\n- trafficPercent: 10\n  predictor: {{name: x, {MODEL}}}"
    with pytest.raises(PlanningError, match="mode Standard"):
        bench.render(bench.service(MODEL, spec=canary), mode="Knative")


def test_cluster_without_knative_refuses_the_mode(bench: Bench) -> None:
    """The message says what is missing and what to do."""
    with pytest.raises(PlanningError, match="does not serve Service") as caught:
        bench.render(mode="Knative", around=Surroundings(kinds=frozenset()))
    assert "Standard" in caught.value.remedy


def test_istio_leads_to_the_component_through_knative_s_gateway(bench: Bench) -> None:
    """The Host is the component's, explanations first."""
    rendered = bench.render(bench.service(MODEL, spec=FRONTS), mode="Knative")
    spec = _virtual(rendered)
    assert spec["hosts"] == ["iris.team.svc.cluster.local", "iris-team.example.com"]
    assert spec["gateways"] == [
        "knative-serving/knative-local-gateway",
        "mesh",
        "knative-serving/knative-ingress-gateway",
    ]
    explain, rest = spec["http"]
    assert explain["match"][0]["uri"] == {"exact": "/v1/models/iris:explain"}
    hosts = [
        route["route"][0]["headers"]["request"]["set"]["Host"]
        for route in (explain, rest)
    ]
    assert hosts == [
        "iris-explainer.team.svc.cluster.local",
        "iris-transformer.team.svc.cluster.local",
    ]
    (name,) = (e for e in rendered.objects if e["spec"].get("type") == "ExternalName")
    assert name["metadata"]["name"] == "iris"
    assert (
        name["spec"]["externalName"]
        == "knative-local-gateway.istio-system.svc.cluster.local"
    )


def test_path_template_is_rewritten_on_the_shared_host(bench: Bench) -> None:
    """And published as the url of the service."""
    rendered = bench.render(mode="Knative", path_template="/serving/{namespace}/{name}")
    shared = _virtual(rendered)["http"][-1]
    assert shared["match"][0]["uri"] == {"prefix": "/serving/team/iris/"}
    assert shared["rewrite"] == {"uri": "/"}
    assert rendered.url == "http://example.com/serving/team/iris"


def test_urls_without_istio_are_those_of_the_knative_service(bench: Bench) -> None:
    """Knative itself answers there."""
    rendered = bench.render(mode="Knative", virtual_service=False)
    assert not [e for e in rendered.objects if e["kind"] == "VirtualService"]
    assert rendered.url == "http://iris-predictor.team.example.com"
    assert rendered.address == "http://iris-predictor.team.svc.cluster.local"


def test_istio_that_is_not_there_is_told(bench: Bench) -> None:
    """KServe's event VirtualServiceCRDNotFound."""
    around = Surroundings(kinds=frozenset({"serving.knative.dev/Service"}))
    rendered = bench.render(mode="Knative", around=around)
    assert "[kubernetes] virtual_service" in {each.path for each in rendered.problems}
    assert rendered.url == "http://iris-predictor.team.example.com"
