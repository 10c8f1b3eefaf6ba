"""What a replica is told."""

from __future__ import annotations

from inferry_local.specs import environment


def test_variables_of_the_container_are_passed_on() -> None:
    assert environment({"env": [{"name": "A", "value": "1"}, {"name": "B"}]}) == {
        "A": "1",
        "B": "",
    }


def test_a_service_cannot_change_settings() -> None:
    trust = {"name": "INFERRY_PLUGINS__PYTHON__TRUST", "value": "/"}

    assert environment({"env": [trust]}) == {}
