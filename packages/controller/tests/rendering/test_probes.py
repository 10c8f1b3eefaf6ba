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


def test_a_port_that_is_declared_for_grpc_is_not_asked_by_http(bench: Bench) -> None:
    """As KServe's users declare it, alone."""
    (container,) = bench.model(
        "ports: [{name: h2c, protocol: TCP, containerPort: 8081}]"
    ).template["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == 8080


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


def _asked(name: str, **container: Any) -> dict[str, Any]:
    component = ComponentPlan(
        component="predictor",
        runtime=RuntimeChoice(name=name, scope="cluster"),
        model=ModelPlan(name="m", format="any"),
    )
    foreign_probes(container, component)
    probe: dict[str, Any] = container["readinessProbe"]
    return probe


@pytest.mark.parametrize(
    ("runtime", "container", "path"),
    [
        (
            "kserve-huggingfaceserver",
            {"args": ["--model_name=m", "--model_name=llama3", "--model_id=a/b"]},
            "/v1/models/llama3",
        ),
        (
            "kserve-huggingfaceserver",
            {"args": ["--model_name", "a b"]},
            "/v1/models/a%20b",
        ),
        (
            "kserve-mlserver",
            {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "other"}]},
            "/v2/models/other/ready",
        ),
    ],
)
def test_a_model_is_asked_by_the_name_that_the_server_is_told(
    runtime: str, container: dict[str, Any], path: str
) -> None:
    """Asked by another one it would never be ready."""
    assert _asked(runtime, **container)["httpGet"]["path"] == path


def test_a_server_beside_a_transformer_is_asked_at_its_own_port() -> None:
    args = ["--model_name=m", "--http_port=8080", "--http_port=8081"]
    probe = _asked("kserve-sklearnserver", args=args)
    assert probe["httpGet"] == {"path": "/v1/models/m", "port": 8081}


def test_of_a_name_that_only_the_kubelet_knows_nothing_is_asked() -> None:
    probe = _asked("kserve-sklearnserver", args=["--model_name=$(NAME)"])
    assert probe["tcpSocket"] == {"port": 8080}


@pytest.mark.parametrize("name", ["h2c", "grpc-port"])
def test_a_port_for_grpc_of_a_runtime_of_kserve_only_has_to_be_open(name: str) -> None:
    port = {"name": name, "containerPort": 9000}
    probe = _asked("kserve-tritonserver", ports=[port])
    assert probe["tcpSocket"] == {"port": 9000}


def test_of_an_unknown_container_only_the_port_is_known() -> None:
    container: dict[str, Any] = {"ports": [{"containerPort": 9000}]}
    foreign_probes(container, ComponentPlan(component="predictor"))
    assert container["readinessProbe"]["tcpSocket"] == {"port": 9000}
    beside: dict[str, Any] = {}
    open_port(beside)
    assert beside["readinessProbe"]["tcpSocket"] == {"port": 8080}
