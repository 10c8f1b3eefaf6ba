"""Services: their names, ports and selectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from inferry_controller.rendering import Placement, fresh

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered


def _services(rendered: Rendered) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each
        for each in rendered.objects
        if each["kind"] == "Service"
    }


def test_service_of_our_server_has_http_on_80_and_grpc_beside_it(bench: Bench) -> None:
    """Port 80 leads to HTTP; the port of gRPC says that it is HTTP/2."""
    service = _services(bench.render())["iris-predictor"]
    assert service["spec"] == {
        "ports": [
            {"name": "http1", "port": 80, "targetPort": 8080, "protocol": "TCP"},
            {
                "name": "grpc",
                "port": 8081,
                "targetPort": 8081,
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/h2c",
            },
        ],
        "selector": {"app": "isvc.iris-predictor"},
        "type": "ClusterIP",
    }


def test_container_without_ports_is_reached_at_8080(bench: Bench) -> None:
    """KServe's default, under the name of the Service."""
    rendered = bench.render("containers: [{name: kserve-container, image: i}]")
    (port,) = _services(rendered)["iris-predictor"]["spec"]["ports"]
    assert port == {
        "name": "iris-predictor",
        "port": 80,
        "targetPort": 8080,
        "protocol": "TCP",
    }


def test_first_port_of_a_container_is_80_and_the_others_keep_their_numbers(
    bench: Bench,
) -> None:
    """As KServe has it."""
    rendered = bench.render(
        "containers: [{name: kserve-container, image: i, ports: "
        "[{containerPort: 9000, name: h2c}, {containerPort: 9001}]}]"
    )
    ports = _services(rendered)["iris-predictor"]["spec"]["ports"]
    assert [(p["name"], p["port"], p["targetPort"]) for p in ports] == [
        ("h2c", 80, 9000),
        ("port-9001", 9001, 9001),
    ]
    assert ports[0]["appProtocol"] == "kubernetes.io/h2c"


def test_transformer_in_the_pod_of_its_predictor_answers_first(bench: Bench) -> None:
    """The ports of a collocated transformer are those of the Service."""
    rendered = bench.render(
        """
        containers:
        - {name: kserve-container, image: i, ports: [{containerPort: 9000}]}
        - {name: transformer-container, image: t, ports: [{containerPort: 8085}]}
        """
    )
    (port,) = _services(rendered)["iris-predictor"]["spec"]["ports"]
    assert port["targetPort"] == 8085


def test_headless_services_have_no_address_and_urls_name_the_port(bench: Bench) -> None:
    """Nothing translates 80 to the container's port then."""
    rendered = bench.render(headless=True)
    assert _services(rendered)["iris-predictor"]["spec"]["clusterIP"] == "None"
    assert rendered.address == "http://iris-predictor.team.svc.cluster.local:8080"


def test_every_slot_has_a_service_and_kserve_s_name_follows_the_main_one(
    bench: Bench,
) -> None:
    """After a promotion the name leads to the slot, and the slot keeps its own."""
    plan = bench.planned(bench.service(_MODEL))
    (old,) = fresh(plan)
    rest = msgspec.structs.replace(old, main=False, weight=0, kept=True)
    new = Placement(revision=_renamed(old, "feed"), slot="@feed", weight=100)
    services = _services(bench.render(bench.service(_MODEL), placements=(new, rest)))
    assert {
        name: each["spec"]["selector"]["app"] for name, each in services.items()
    } == {
        "iris-predictor": "isvc.iris-predictor-feed",
        "iris-predictor-feed": "isvc.iris-predictor-feed",
    }
    alias = services["iris-predictor"]["metadata"]["labels"]
    assert alias["inferry.dev/alias"] == "true"


@pytest.mark.parametrize("slot", ["", "@feed"])
def test_revision_that_is_kept_has_no_service(bench: Bench, slot: str) -> None:
    """Nothing leads to a rollback target."""
    plan = bench.planned(bench.service(_MODEL))
    (main,) = fresh(plan)
    kept = Placement(
        revision=_renamed(main, "feed"), slot=slot, main=False, weight=0, kept=True
    )
    main = msgspec.structs.replace(main, slot="@now" if not slot else "")
    rendered = bench.render(bench.service(_MODEL), placements=(main, kept))
    selectors = {s["spec"]["selector"]["app"] for s in _services(rendered).values()}
    assert len(selectors) == 1


_MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"


def _renamed(placement: Placement, name: str) -> Any:
    return msgspec.structs.replace(placement.revision, name=name)
