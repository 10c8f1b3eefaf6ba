from __future__ import annotations

from inferry.planning._server_types import server_container, server_labels


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
