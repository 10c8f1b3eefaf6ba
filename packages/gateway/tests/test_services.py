"""What is declared is checked when it is made; and the package's public names."""

from __future__ import annotations

from typing import Any

import pytest

import inferry_gateway
from inferry_gateway import Endpoint, Service, Target


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_out_of_range_is_refused(port: Any) -> None:
    with pytest.raises(ValueError, match=rf"endpoint 'a': port {port} is not in"):
        Endpoint("127.0.0.1", port, "a")


@pytest.mark.parametrize(("weight", "slots"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(weight: Any, slots: Any) -> None:
    with pytest.raises(ValueError, match="revision 'a'"):
        Target("a", weight, (), slots)


def test_a_service_knows_its_key_and_prefix() -> None:
    service = Service("default", "iris")
    assert (service.key, service.prefix) == ("default/iris", "/serving/default/iris")


def test_public_names_are_sorted_and_there() -> None:
    names = inferry_gateway.__all__
    assert list(names) == sorted(names)
    for name in names:
        assert getattr(inferry_gateway, name)
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = inferry_gateway.missing
