from __future__ import annotations

from typing import Any

import pytest

from inferry.planning._server_types import (
    server_container,
    server_labels,
    told_name,
)


def test_torchserve_gets_its_envelope_by_protocol() -> None:
    assert server_labels("torchserve", "pytorch", "v2") == {
        "serviceEnvelope": "kservev2"
    }
    assert server_labels("torchserve", "pytorch", "v1") == {"serviceEnvelope": "kserve"}


def test_other_servers_get_no_labels() -> None:
    assert server_labels("sklearnserver", "sklearn", "v1") == {}


def test_triton_without_a_model_waits_to_be_told() -> None:
    container = server_container(
        {"args": ["tritonserver"]},
        "tritonserver",
        model_name="m",
        protocol="v2",
        has_model=False,
    )
    assert container["args"] == ["tritonserver", "--model-control-mode=explicit"]


def test_what_the_runtime_sets_itself_stays() -> None:
    own = {"env": [{"name": "PROTOCOL_VERSION", "value": "v9"}]}
    container = server_container(
        own, "torchserve", model_name="m", protocol="v1", has_model=True
    )
    assert container == own


def test_mlserver_without_a_model_loads_nothing() -> None:
    container = server_container(
        {}, "mlserver", model_name="m", protocol="v2", has_model=False
    )
    assert container["env"] == [
        {"name": "MLSERVER_LOAD_MODELS_AT_STARTUP", "value": "false"}
    ]


@pytest.mark.parametrize(
    ("container", "name"),
    [
        ({"args": ["--model_name=m", "--model_name=llama3"]}, "llama3"),
        ({"args": ["--model_name", "llama3", "--x"]}, "llama3"),
        ({"args": ["--served-model-name=qwen", "--port=8080"]}, "qwen"),
        ({"args": ["serve"]}, ""),
        ({"args": ["--model_name=$(NAME)"]}, ""),
        ({"env": [{"name": "MLSERVER_MODEL_NAME", "value": "other"}]}, "other"),
        ({}, ""),
    ],
)
def test_a_server_tells_by_its_arguments_what_its_model_is_called(
    container: dict[str, Any], name: str
) -> None:
    assert told_name(container) == name
