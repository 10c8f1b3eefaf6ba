"""V1 as clients of TensorFlow Serving write it, and the answers that they read."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InvalidInput
from inferry_runtime_tensorflow.model import TensorflowModel

if TYPE_CHECKING:
    from conftest import Models

ROWS = [[1, 2, 3], [4, 5, 6.5]]


@pytest.fixture
def linear(models: Models) -> TensorflowModel:
    return loaded(models, "linear")


def loaded(models: Models, name: str, **options: Any) -> TensorflowModel:
    model = TensorflowModel()
    model.load(models.copy(name), {"threads": 1, **options})
    return model


def plain(value: Any) -> Any:
    """Return *value* as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def ask(model: TensorflowModel, **body: Any) -> Any:
    return plain(model.predict_v1(body))


def test_rows_of_objects_are_answered_row_by_row(linear: TensorflowModel) -> None:
    rows = [{"a": row, "b": row} for row in ROWS]

    assert ask(linear, instances=rows) == {
        "predictions": [
            {"first": 1, "sum": [4, 8, 12]},
            {"first": 4, "sum": [16, 20, 26]},
        ]
    }


def test_columns_are_answered_by_column(linear: TensorflowModel) -> None:
    assert ask(linear, inputs={"a": ROWS, "b": ROWS}) == {
        "outputs": {"first": [1, 4], "sum": [[4, 8, 12], [16, 20, 26]]}
    }


def test_one_input_and_one_output_need_no_names(linear: TensorflowModel) -> None:
    doubled = [[2, 4, 6], [8, 10, 13]]

    assert ask(linear, signature_name="twice", instances=ROWS) == {
        "predictions": doubled
    }
    assert ask(linear, signature_name="twice", inputs=ROWS) == {"outputs": doubled}
    assert ask(linear, signature_name="twice", inputs={"x": ROWS}) == {
        "outputs": doubled
    }


def test_a_scalar_output_is_only_for_columns(linear: TensorflowModel) -> None:
    assert ask(linear, signature_name="total", inputs=ROWS) == {"outputs": 21.5}
    with pytest.raises(InvalidInput, match=r"'total' \[\]\); ask with 'inputs'"):
        ask(linear, signature_name="total", instances=ROWS)


def test_text_may_be_base64(models: Models) -> None:
    model = loaded(models, "text")
    dog = {"b64": base64.b64encode(b"dog").decode()}

    assert ask(model, instances=["cat", dog]) == {"predictions": ["meow", "woof"]}
    assert ask(model, instances=[{"animal": dog}]) == {"predictions": ["woof"]}
    assert ask(model, inputs={"animal": ["cat"]}) == {"outputs": ["meow"]}


def test_an_output_of_bytes_is_base64(models: Models) -> None:
    model = loaded(models, "text", signature="same")

    assert ask(model, instances=["cat"]) == {"predictions": [{"b64": "Y2F0"}]}
    assert ask(model, instances=[{"b64": "//4="}]) == {"predictions": [{"b64": "//4="}]}


def test_a_tflite_model_answers_the_same(models: Models) -> None:
    model = loaded(models, "lite")

    assert ask(model, instances=ROWS) == {"predictions": [[2, 4, 6], [8, 10, 13]]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "the body is a list, expected an object"),
        ({}, r"neither 'instances' nor 'inputs' \(it has nothing\)"),
        ({"instances": [], "inputs": []}, "has both"),
        ({"instances": []}, "is empty"),
        ({"instances": 3}, "'instances' is an integer, expected a list"),
        ({"instances": ROWS}, "takes 2 inputs; write each instance as an object"),
        ({"inputs": ROWS}, "takes 2 inputs; write 'inputs' as an object"),
        ({"inputs": {"a": ROWS}}, "input 'b' is missing"),
        ({"inputs": {"a": ROWS, "c": ROWS}}, "unknown input 'c'; the model takes"),
        ({"instances": [{"a": [1, 2, 3]}, {"b": 1}]}, r"instances\[1\] has \['b'\]"),
        ({"signature_name": "no", "inputs": ROWS}, "unknown signature_name 'no'"),
        ({"signature_name": 3, "inputs": ROWS}, "signature_name is an integer"),
    ],
)
def test_a_wrong_body_is_explained(
    linear: TensorflowModel, body: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        linear.predict_v1(body)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1, 2], [3]], "not all of one length and depth"),
        ([[1, 2], 3], "not all of one length and depth"),
        ([[1, 2, 3, 4]], r"'x' has shape \[1, 4\], expected \[-1, 3\]"),
        ([["1", 2, 3]], "input 'x' has a string, expected FP32"),
        ([[True, 2, 3]], "input 'x' has a boolean, expected FP32"),
        ([[None, 2, 3]], "input 'x' has null, expected FP32"),
        ([[1e39, 2, 3]], "a number that FP32 cannot hold"),
        ([[10**400, 2, 3]], "a number that FP32 cannot hold"),
        ([[[]]], r"'x' has shape \[1, 1, 0\], expected"),
    ],
)
def test_wrong_values_are_explained(
    linear: TensorflowModel, rows: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        ask(linear, signature_name="twice", instances=rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([1], "has an integer, expected BYTES"),
        ([{"b64": "?"}], "b64 is not base64"),
        ([{"b64": 3}], 'expected a string or {"b64": "..."}'),
    ],
)
def test_wrong_text_is_explained(models: Models, rows: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        ask(loaded(models, "text"), inputs=rows)
