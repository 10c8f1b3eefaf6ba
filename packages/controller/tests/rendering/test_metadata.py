"""Labels and annotations of what a service becomes, and what no service may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model:\n  modelFormat: {name: acme}\n  storageUri: s3://bucket/model\n"


def rendered(bench: Bench, metadata: str, predictor: str = "", **more: str) -> Rendered:
    return bench.render(bench.service(predictor + MODEL, metadata=metadata), **more)


def test_a_deployment_selects_its_pods_whatever_the_service_is_labelled(
    bench: Bench,
) -> None:
    """A label ``app`` of the service's own is on all that selects nothing by it."""
    made = rendered(bench, "labels: {app: mine}\n")
    (deployment,) = (e for e in made.objects if e["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    (selected,) = (e for e in made.objects if e["kind"] == "Service")
    assert selected["spec"]["selector"].items() <= labels.items()


def test_labels_that_say_whose_an_object_is_are_not_the_services_to_give(
    bench: Bench,
) -> None:
    made = rendered(
        bench,
        "labels:\n"
        "  serving.kserve.io/inferenceservice: victim\n"
        "  app.kubernetes.io/managed-by: Helm\n"
        "  inferry.dev/revision: other\n",
    )
    for each in made.objects:
        labels = each["metadata"]["labels"]
        assert labels["serving.kserve.io/inferenceservice"] == "iris"
        assert labels["app.kubernetes.io/managed-by"] == "inferry-controller"


@pytest.mark.parametrize(
    "key",
    [
        "nginx.ingress.kubernetes.io/configuration-snippet",
        "nginx.ingress.kubernetes.io/server-snippet",
        "nginx.ingress.kubernetes.io/server-alias",
        "nginx.org/location-snippets",
        "haproxy-ingress.github.io/config-backend",
        "external-dns.alpha.kubernetes.io/hostname",
    ],
)
@pytest.mark.parametrize("mode", ["Standard", "Knative"])
def test_what_speaks_for_other_hosts_is_kept_back_and_told(
    bench: Bench, key: str, mode: str
) -> None:
    made = rendered(bench, f"annotations: {{{key}: evil}}\n", mode=mode)
    assert "evil" not in str(made.objects)
    assert f"metadata.annotations[{key}]" in {each.path for each in made.problems}


def test_what_a_component_says_so_is_kept_back_too(bench: Bench) -> None:
    key = "nginx.ingress.kubernetes.io/auth-snippet"
    made = rendered(bench, "", f"annotations: {{{key}: evil}}\n")
    assert "evil" not in str(made.objects)
    assert [each.path for each in made.problems] == [
        f"spec.predictor.annotations[{key}]"
    ]


def test_other_annotations_for_a_proxy_are_passed_on(bench: Bench) -> None:
    key = "nginx.ingress.kubernetes.io/proxy-read-timeout"
    made = rendered(bench, f"annotations: {{{key}: '30'}}\n")
    (route,) = (e for e in made.objects if e["kind"] == "HTTPRoute")
    assert route["metadata"]["annotations"] == {key: "30"}
    assert not made.problems
