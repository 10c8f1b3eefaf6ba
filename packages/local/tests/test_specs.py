"""What a replica is told."""

from __future__ import annotations

import pytest

from inferry.planning import ComponentPlan
from inferry.storage import Source
from inferry_local.specs import _server, _source, environment


def test_variables_of_the_container_are_passed_on() -> None:
    assert environment({"env": [{"name": "A", "value": "1"}, {"name": "B"}]}) == {
        "A": "1",
        "B": "",
    }


def test_a_service_cannot_change_settings() -> None:
    trust = {"name": "INFERRY_PLUGINS__PYTHON__TRUST", "value": "/"}

    assert environment({"env": [trust]}) == {}


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        (
            ["https://me:secret@host/m/?sig=1"],
            {"INFERRY_MODEL_SOURCE": "https://host/m/"},
        ),
        (["/models/a"], {}),
        (["https://host/a", "https://host/b"], {}),
    ],
)
def test_the_source_of_a_download_is_told(
    uris: list[str], expected: dict[str, str]
) -> None:
    sources = tuple(Source(uri=uri) for uri in uris)

    assert _source(ComponentPlan(component="predictor", sources=sources)) == expected


def test_replicas_take_free_ports_for_http_and_grpc() -> None:
    predictor = ComponentPlan(component="predictor")
    settings = _server(predictor, {"http_port": 8080, "management_port": 8082}, 5.0)
    assert (settings["http_port"], settings["grpc_port"]) == (0, 0)
    assert settings["management_port"] is None
