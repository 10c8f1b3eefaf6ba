"""NetworkPolicies; budgets stand with scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"


def _policies(rendered: Rendered) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]
        for each in rendered.objects
        if each["kind"] == "NetworkPolicy"
    }


def test_none_is_rendered_unless_asked_for(bench: Bench) -> None:
    """Many clusters have rules of their own."""
    assert _policies(bench.render()) == {}


def test_policy_lets_the_gateway_and_the_namespace_in(bench: Bench) -> None:
    """On the ports that are served; what goes out stays open."""
    spec = _policies(bench.render(network_policy=True, gateway="edge/web"))
    assert spec == {
        "iris-predictor": {
            "podSelector": {
                "matchLabels": {
                    "serving.kserve.io/inferenceservice": "iris",
                    "component": "predictor",
                }
            },
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [
                        {"podSelector": {}},
                        {
                            "namespaceSelector": {
                                "matchLabels": {"kubernetes.io/metadata.name": "edge"}
                            }
                        },
                    ],
                    "ports": [
                        {"port": 8080, "protocol": "TCP"},
                        {"port": 8081, "protocol": "TCP"},
                    ],
                }
            ],
        }
    }


def test_every_component_has_a_policy_of_its_own(bench: Bench) -> None:
    """Their ports differ."""
    spec = (
        "transformer:\n  containers: [{name: t, image: t, ports: [{containerPort: 1}]}]"
    )
    found = _policies(
        bench.render(bench.service(MODEL, spec=spec), network_policy=True)
    )
    assert list(found) == ["iris-predictor", "iris-transformer"]
    assert found["iris-transformer"]["ingress"][0]["ports"][0]["port"] == 1


def test_proxies_of_an_ingress_may_be_anywhere(bench: Bench) -> None:
    """Nothing says where its controller runs."""
    found = _policies(bench.render(network_policy=True, ingress="ingress"))
    (rule,) = found["iris-predictor"]["ingress"]
    assert {"namespaceSelector": {}} in rule["from"]
