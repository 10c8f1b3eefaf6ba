"""The urls that a status publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.rendering.surroundings import Surroundings

if TYPE_CHECKING:
    from conftest import Bench

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
TRANSFORMER = "transformer:\n  containers: [{name: t, image: transform}]"


def test_urls_are_kserve_s(bench: Bench) -> None:
    """Of the service, within the cluster, and of each component."""
    rendered = bench.render()
    assert rendered.url == "http://iris-team.example.com"
    assert rendered.address == "http://iris-predictor.team.svc.cluster.local"
    assert rendered.component_urls == {
        "predictor": "http://iris-predictor-team.example.com"
    }
    assert rendered.rest_urls == rendered.component_urls
    assert rendered.grpc_urls == {
        "predictor": "grpc://iris-predictor-team.example.com:80"
    }


def test_address_is_the_transformer_s_where_there_is_one(bench: Bench) -> None:
    """It takes the requests."""
    rendered = bench.render(bench.service(MODEL, spec=TRANSFORMER))
    assert rendered.address == "http://iris-transformer.team.svc.cluster.local"
    assert set(rendered.component_urls) == {"predictor", "transformer"}
    assert set(rendered.grpc_urls) == {"predictor"}


def test_scheme_is_that_of_the_settings(bench: Bench) -> None:
    """Of components, too, where KServe always says http."""
    rendered = bench.render(url_scheme="https")
    assert rendered.url == "https://iris-team.example.com"
    assert rendered.component_urls["predictor"].startswith("https://")
    assert rendered.grpc_urls["predictor"] == (
        "grpcs://iris-predictor-team.example.com:443"
    )


def test_url_is_the_one_within_the_cluster_where_no_route_can_be(bench: Bench) -> None:
    """Without the Gateway API the host name would lead nowhere."""
    rendered = bench.render(around=Surroundings(kinds=frozenset()))
    assert rendered.url == rendered.address
    assert rendered.component_urls == {"predictor": rendered.address}
    assert rendered.grpc_urls["predictor"].startswith("grpc://iris-predictor.team.svc")


def test_host_name_of_an_ingress_needs_no_gateway_api(bench: Bench) -> None:
    """Nor does one that somebody else routes."""
    around = Surroundings(kinds=frozenset())
    for ingress in ("ingress", "none"):
        rendered = bench.render(around=around, ingress=ingress)
        assert rendered.url == "http://iris-team.example.com"


def test_service_that_is_stopped_has_neither_objects_nor_urls(bench: Bench) -> None:
    """KServe removes all of them."""
    text = 'annotations: {serving.kserve.io/stop: "true"}'
    rendered = bench.render(bench.service(MODEL, metadata=text))
    assert (rendered.objects, rendered.url, rendered.component_urls) == ((), "", {})
