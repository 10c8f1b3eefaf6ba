"""What containers are read and completed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some
from inferry_controller.rendering.containers import (
    copied,
    first_port,
    flag,
    is_ours,
    with_flags,
    with_variables,
)

from inferry.planning import ComponentPlan, ModelPlan

if TYPE_CHECKING:
    from typing import Any

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--http_port=1"], "1"),
        (["--httpPort=1"], "1"),
        (["--http-port", "1"], "1"),
        (["--http_port=1", "--http_port=2"], "2"),
        (["--http_port"], ""),
        (["--http_port", "--other"], ""),
        (["http_port=1"], None),
        ([], None),
    ],
)
def test_a_flag_is_found_however_it_is_spelt(
    words: list[str], value: str | None
) -> None:
    assert flag(words, "http_port") == value


def test_flags_are_added_only_where_they_are_missing() -> None:
    args = ["serve", "--modelName=mine"]
    added = with_flags(args, {"model_name": "ours", "host": "::"})
    assert added == ["serve", "--modelName=mine", "--host=::"]
    assert args == ["serve", "--modelName=mine"]


def test_no_variable_is_there_twice() -> None:
    """An API server refuses to apply a list with a name twice."""
    env = [{"name": "A", "value": "1"}]
    more = ({"name": "A", "value": "2"}, {"name": "B", "value": "3"})
    assert with_variables(env, *more) == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "3"},
    ]


@pytest.mark.parametrize(
    ("container", "port"),
    [
        ({}, 8080),
        ({"ports": []}, 8080),
        ({"ports": [{"containerPort": 9000}, {"containerPort": 1}]}, 9000),
    ],
)
def test_the_first_port_is_the_one_that_answers(
    container: dict[str, Any], port: int
) -> None:
    assert first_port(container) == port


@pytest.mark.parametrize(
    ("container", "model", "ours"),
    [
        ({"image": "any"}, ModelPlan(name="m", format="f", target="a:B"), True),
        ({"image": "any"}, ModelPlan(name="m", format="f"), False),
        ({"image": "any", "command": ["python", "-m", "inferry_server"]}, None, True),
        ({"image": "a/inferry-runtime-x:1", "args": ["--runtime=x"]}, None, True),
        ({"image": "a/sklearnserver:1", "args": ["--runtime=x"]}, None, False),
    ],
)
def test_our_server_is_known(
    container: dict[str, Any], model: ModelPlan | None, *, ours: bool
) -> None:
    component = ComponentPlan(component="predictor", container=container, model=model)
    assert is_ours(component) == ours


@given(JSON)
def test_a_copy_is_equal_and_shares_nothing(value: Any) -> None:
    assert copied(value) == value
    if isinstance(value, list | dict):
        assert copied(value) is not value
