"""Transformers and explainers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.options import RenderOptions
from inferry_controller.rendering.components import front_flags

from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan

if TYPE_CHECKING:
    from conftest import Bench

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"


def transformer(bench: Bench, container: str, more: str = "") -> dict[str, Any]:
    spec = f"transformer:\n  containers: [{container}]\n{more}"
    made = bench.pod(bench.service(MODEL, spec=spec), component="transformer")
    found: dict[str, Any] = made.template["spec"]["containers"][0]
    return found


def test_a_transformer_gets_the_arguments_of_kserve(bench: Bench) -> None:
    container = transformer(bench, "{image: i}", "  containerConcurrency: 3\n")
    assert container["name"] == "kserve-container"
    assert container["args"] == [
        "--model_name=iris",
        "--predictor_host=iris-predictor.team",
        "--http_port=8080",
        "--workers=3",
    ]


def test_arguments_of_ones_own_stay(bench: Bench) -> None:
    container = transformer(bench, "{image: i, args: [--model_name, other, --x]}")
    assert container["args"][:3] == ["--model_name", "other", "--x"]
    assert "--model_name=iris" not in container["args"]


def test_our_server_as_a_transformer_is_told_by_its_own_flags(bench: Bench) -> None:
    container = transformer(
        bench,
        "{image: i, command: [python, -m, inferry_server, --model_class=a:B]}",
        "  containerConcurrency: 3\n",
    )
    assert "--concurrency=3" in container["args"]
    assert "--predictor_host=iris-predictor.team" in container["args"]
    assert not any(each.startswith("--workers") for each in container["args"])
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_a_transformer_talks_to_the_predictor_of_its_own_slot() -> None:
    plan = ServingPlan(namespace="n", name="iris", host="", path="", revisions=())
    component = ComponentPlan(component="transformer")
    revision = RevisionPlan(name="r", components=(component,))
    flags = front_flags(component, revision, plan, slot="@12", ours=False)
    assert flags["predictor_host"] == "iris-predictor-12.n"


def test_without_a_cluster_ip_a_transformer_is_told_the_port_of_the_pods(
    bench: Bench,
) -> None:
    """A Service without an address of its own translates no ports."""
    spec = "transformer:\n  containers: [{image: i, name: t}]\n"
    service = bench.service(MODEL, spec=spec)
    options = RenderOptions(headless=True)
    made = bench.pod(service, component="transformer", options=options)
    (container,) = made.template["spec"]["containers"]
    assert "--predictor_host=iris-predictor.team:8080" in container["args"]


def test_a_predictor_without_v1_is_told_by_its_protocol() -> None:
    plan = ServingPlan(namespace="n", name="iris", host="", path="", revisions=())
    component = ComponentPlan(component="transformer")
    predictor = ComponentPlan(
        component="predictor", protocol="v2", protocols=("v2", "grpc-v2")
    )
    revision = RevisionPlan(name="r", components=(predictor, component))
    flags = front_flags(component, revision, plan, slot="", ours=False)
    assert flags["predictor_protocol"] == "v2"


def test_an_explainer_is_one_more_component(bench: Bench) -> None:
    spec = "explainer:\n  containers: [{image: i, name: e}]\n"
    made = bench.pod(bench.service(MODEL, spec=spec), component="explainer")
    labels = made.template["metadata"]["labels"]
    assert labels["component"] == "explainer"
    assert (
        "--predictor_host=iris-predictor.team"
        in (made.template["spec"]["containers"][0]["args"])
    )
