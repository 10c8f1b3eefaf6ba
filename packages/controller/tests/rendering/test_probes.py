"""Probes: ready is when the model answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.rendering.probes import (
    foreign_probes,
    load_timeout,
    open_port,
    our_probes,
)

from inferry.planning import ComponentPlan, ModelPlan, RuntimeChoice

if TYPE_CHECKING:
    from conftest import Bench


def test_our_server_is_asked_for_its_model_and_for_its_life(bench: Bench) -> None:
    (container,) = bench.model().template["spec"]["containers"]
    ready = {"path": "/v2/health/ready", "port": 8080}
    assert container["readinessProbe"]["httpGet"] == ready
    assert container["startupProbe"]["httpGet"] == ready
    assert container["livenessProbe"]["httpGet"] == {
        "path": "/v2/health/live",
        "port": 8080,
    }


def test_the_port_of_the_probes_is_that_of_the_server(bench: Bench) -> None:
    (container,) = bench.model("args: [--http_port=9000]").template["spec"][
        "containers"
    ]
    assert container["readinessProbe"]["httpGet"]["port"] == 9000


@pytest.mark.parametrize(
    ("args", "seconds"),
    [
        ([], 600),
        (["--load_timeout=3600"], 3600),
        (["--load_timeout=0"], 86400),
        (["--load_timeout=soon"], 600),
    ],
)
def test_a_model_may_load_as_long_as_the_server_grants(
    args: list[str], seconds: int
) -> None:
    container: dict[str, Any] = {"args": args}
    our_probes(container, 8080)
    startup = container["startupProbe"]
    assert load_timeout(container) == seconds
    assert startup["periodSeconds"] * startup["failureThreshold"] == seconds


def test_probes_of_ones_own_stay() -> None:
    own = {"exec": {"command": ["true"]}}
    container: dict[str, Any] = {"readinessProbe": own, "livenessProbe": own}
    our_probes(container, 8080)
    assert container["readinessProbe"] == container["livenessProbe"] == own


@pytest.mark.parametrize(
    ("runtime", "image", "path"),
    [
        ("kserve-sklearnserver", "kserve/sklearnserver:1", "/v1/models/iris"),
        ("mine", "mirror/kserve/sklearnserver@sha256:0", "/v1/models/iris"),
        ("kserve-mlserver", "seldonio/mlserver:1.7.1", "/v2/models/iris/ready"),
        ("kserve-tritonserver", "nvcr.io/nvidia/tritonserver:23", "/v2/health/ready"),
        ("kserve-vllmserver", "vllm/vllm-openai-cpu:latest", "/v1/models"),
    ],
)
def test_the_runtimes_of_kserve_are_asked_by_their_protocol(
    runtime: str, image: str, path: str
) -> None:
    component = ComponentPlan(
        component="predictor",
        runtime=RuntimeChoice(name=runtime, scope="cluster"),
        model=ModelPlan(name="iris", format="any"),
        container={"image": image},
    )
    container: dict[str, Any] = {}
    foreign_probes(container, component)
    assert container["readinessProbe"]["httpGet"] == {"path": path, "port": 8080}
    assert "livenessProbe" not in container


def test_of_an_unknown_container_only_the_port_is_known() -> None:
    container: dict[str, Any] = {"ports": [{"containerPort": 9000}]}
    foreign_probes(container, ComponentPlan(component="predictor"))
    assert container["readinessProbe"]["tcpSocket"] == {"port": 9000}
    beside: dict[str, Any] = {}
    open_port(beside)
    assert beside["readinessProbe"]["tcpSocket"] == {"port": 8080}
