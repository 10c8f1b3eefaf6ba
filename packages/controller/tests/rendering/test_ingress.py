"""Ingresses: KServe's hosts, each leading where its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from inferry_controller.rendering import Placement, fresh

from inferry.errors import PlanningError

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
BOTH = """
transformer:
  containers: [{name: t, image: transform}]
explainer:
  containers: [{name: e, image: explain}]
"""


def _ingress(rendered: Rendered) -> dict[str, Any]:
    (found,) = (each for each in rendered.objects if each["kind"] == "Ingress")
    return found


def _paths(ingress: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    return {
        rule["host"]: [
            (path["path"], path["backend"]["service"]["name"])
            for path in rule["http"]["paths"]
        ]
        for rule in ingress["spec"]["rules"]
    }


def test_every_host_leads_to_its_own_component(bench: Bench) -> None:
    """KServe's transformer host leads to the predictor, and no host to :explain."""
    ingress = _ingress(bench.render(bench.service(MODEL, spec=BOTH), ingress="ingress"))
    assert _paths(ingress) == {
        "iris-team.example.com": [
            ("/v1/models/iris:explain", "iris-explainer"),
            ("/", "iris-transformer"),
        ],
        "iris-predictor-team.example.com": [("/", "iris-predictor")],
        "iris-transformer-team.example.com": [("/", "iris-transformer")],
        "iris-explainer-team.example.com": [("/", "iris-explainer")],
    }


def test_class_is_named_only_where_one_is_set(bench: Bench) -> None:
    """The cluster has a default of its own."""
    assert "ingressClassName" not in _ingress(bench.render(ingress="ingress"))["spec"]
    named = bench.render(ingress="ingress", ingress_class="nginx")
    assert _ingress(named)["spec"]["ingressClassName"] == "nginx"


def test_shares_are_refused(bench: Bench) -> None:
    """A canary that would get nothing, or all, must not look as if it worked."""
    canary = f"canary:\n- trafficPercent: 10\n  predictor: {{name: x, {MODEL}}}"
    with pytest.raises(PlanningError, match="asks for shares") as caught:
        bench.render(bench.service(MODEL, spec=canary), ingress="ingress")
    assert caught.value.reason == "NotSupportedByBackend"
    assert "kubernetes.ingress = gateway" in caught.value.remedy


def test_canary_percentage_is_refused_once_there_are_two_revisions(
    bench: Bench,
) -> None:
    """The first revision gets all requests whatever its share."""
    text = bench.service(f"{MODEL}\ncanaryTrafficPercent: 10")
    assert _ingress(bench.render(text, ingress="ingress"))
    (old,) = fresh(bench.planned(text))
    newer = msgspec.structs.replace(old.revision, name="feed")
    new = Placement(revision=newer, slot="@feed", weight=0, main=False)
    with pytest.raises(PlanningError):
        bench.render(text, placements=(old, new), ingress="ingress")


def test_dark_canary_needs_no_share(bench: Bench) -> None:
    """All requests go one way, which an Ingress can do."""
    canary = f"canary:\n- trafficPercent: 0\n  predictor: {{name: x, {MODEL}}}"
    ingress = _ingress(
        bench.render(bench.service(MODEL, spec=canary), ingress="ingress")
    )
    assert _paths(ingress)["iris-team.example.com"] == [("/", "iris-predictor")]


def test_what_an_ingress_cannot_do_is_told(bench: Bench) -> None:
    """KServe ignores the timeout in silence."""
    rendered = bench.render("timeout: 5", ingress="ingress", path_template="/{name}")
    assert [each.path for each in rendered.problems] == [
        "spec.predictor.timeout",
        "[kubernetes] path_template",
    ]


def test_no_ingress_is_made_where_none_is_wanted(bench: Bench) -> None:
    """KServe's disableIngressCreation: somebody else leads to the hosts."""
    rendered = bench.render(ingress="none")
    assert {each["kind"] for each in rendered.objects} == {"Service", "Deployment"}
    assert rendered.url == "http://iris-team.example.com"
