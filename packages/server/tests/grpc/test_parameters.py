"""Parameters of all kinds, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InferenceError, InvalidInput
from inferry_server.grpc import parameters
from inferry_server.grpc.messages import message

Request = message("ModelInferRequest")

values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.text(max_size=20),
    st.floats(allow_nan=False),
)


def written(given: dict[str, Any]) -> Any:
    made = Request()
    parameters.write(given, made.parameters)
    return made.parameters


@given(st.dictionaries(st.text(max_size=9), values, max_size=5))
def test_what_is_written_is_read(given: dict[str, Any]) -> None:
    assert parameters.read(written(given), "the request") == given


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool_param"),
        (-5, "int64_param"),
        (2**63, "uint64_param"),
        (0.5, "double_param"),
        ("a", "string_param"),
        (np.float32(0.5), "double_param"),
        (np.int8(3), "int64_param"),
        ([1, 2], "string_param"),
    ],
)
def test_each_kind_has_its_field(value: object, kind: str) -> None:
    assert written({"a": value})["a"].WhichOneof("parameter_choice") == kind


def test_none_is_left_out_and_lists_become_json() -> None:
    assert "a" not in written({"a": None})
    assert written({"a": [1, {"b": 2}]})["a"].string_param == '[1,{"b":2}]'


@pytest.mark.parametrize("value", [object(), 2**70, b"a"])
def test_what_no_kind_can_hold_is_the_models_error(value: object) -> None:
    with pytest.raises(InferenceError, match="the parameter 'a' of the answer is a"):
        written({"a": value})


def test_a_parameter_without_a_value_is_refused() -> None:
    request = Request()
    request.parameters["a"].SetInParent()
    with pytest.raises(InvalidInput, match="input 'x': the parameter 'a' has no value"):
        parameters.read(request.parameters, "input 'x'")
