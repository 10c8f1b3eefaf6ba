"""Tables and columns of any type of number reach the model; the rest is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost

from inferry.errors import InvalidInput
from inferry.model import InferRequest, Tensor
from inferry_runtime_xgboost.model import XgboostModel

if TYPE_CHECKING:
    from conftest import Trained

NAMES = ("a", "b", "c", "d")


def tensor(name: str, data: Any, datatype: str = "FP32") -> Tensor:
    return Tensor(name=name, datatype=datatype, data=data)


@pytest.fixture
def named(trained: Trained) -> XgboostModel:
    model = XgboostModel()
    model.load(trained.saved(trained.named()), {})
    return model


@pytest.fixture
def cities(trained: Trained) -> XgboostModel:
    model = XgboostModel()
    model.load(trained.saved(trained.categorical()), {})
    return model


def ask(model: XgboostModel, *inputs: Tensor) -> Any:
    return model.predict(InferRequest(inputs=inputs)).outputs[0].data


def refused(model: XgboostModel, *inputs: Tensor) -> str:
    with pytest.raises(InvalidInput) as caught:
        ask(model, *inputs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [("float64", "FP64"), ("float16", "FP16"), ("int8", "INT8"), ("uint64", "UINT64")],
)
def test_numbers_of_any_type_are_taken(
    named: XgboostModel, dtype: str, datatype: str
) -> None:
    rows = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype)
    expected = ask(named, tensor("input-0", rows.astype(np.float32)))
    np.testing.assert_array_equal(
        ask(named, tensor("input-0", rows, datatype)), expected
    )


def test_features_by_name_in_any_order(named: XgboostModel, trained: Trained) -> None:
    columns = [
        tensor(name, np.ascontiguousarray(trained.rows[:, position]))
        for position, name in enumerate(NAMES)
    ]
    expected = ask(named, tensor("input-0", trained.rows))
    np.testing.assert_array_equal(ask(named, *reversed(columns)), expected)


def test_columns_may_have_a_second_axis(named: XgboostModel, trained: Trained) -> None:
    columns = [
        tensor(name, trained.rows[:, [position]]) for position, name in enumerate(NAMES)
    ]
    assert ask(named, *columns).shape == (80,)


def test_nan_is_a_missing_value(named: XgboostModel, trained: Trained) -> None:
    rows = trained.rows.copy()
    rows[:, 0] = np.nan
    expected = trained.named().predict(xgboost.DMatrix(rows, feature_names=list(NAMES)))
    np.testing.assert_array_equal(ask(named, tensor("input-0", rows)), expected)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_what_is_infinite_is_refused(named: XgboostModel, value: float) -> None:
    rows = np.full((1, 4), value)
    said = refused(named, tensor("input-0", rows, "FP64"))
    assert "infinite number, or one beyond FP32" in said


@pytest.mark.parametrize("shape", [(4,), (1, 3), (1, 5), (1, 4, 1), ()])
def test_another_shape_is_named(named: XgboostModel, shape: tuple[int, ...]) -> None:
    said = refused(named, tensor("input-0", np.zeros(shape, np.float32)))
    assert f"'input-0' has shape {list(shape)}, expected [-1, 4]" in said


def test_text_is_refused(named: XgboostModel) -> None:
    rows = np.full((1, 4), b"1", object)
    said = refused(named, tensor("input-0", rows, "BYTES"))
    assert said == "input 'input-0' is BYTES, expected numbers, such as FP32"


def test_odd_columns_are_named(named: XgboostModel) -> None:
    one = np.zeros(1, np.float32)
    given = [tensor(name, one) for name in NAMES]
    assert refused(named) == "the request has no input; the model takes 'input-0'"
    assert refused(named, *given[:3]) == "input 'd' is missing"
    assert refused(named, *given, given[0]) == "input 'a' is given twice"
    assert "unknown input 'x'; expected 'input-0' or one" in refused(
        named, tensor("x", one)
    )
    assert "did you mean 'a'?" in refused(named, tensor("aa", one))
    two = tensor("d", np.zeros(2, np.float32))
    assert "differ in their number of rows" in refused(named, *given[:3], two)
    wide = tensor("d", np.zeros((1, 2), np.float32))
    assert "'d' has shape [1, 2], expected [-1]" in refused(named, *given[:3], wide)


def test_without_names_there_is_one_input(trained: Trained) -> None:
    model = XgboostModel()
    model.load(trained.saved(trained.booster()), {})
    one = np.zeros(1, np.float32)
    assert "unknown input 'a'; the model takes 'input-0'" in refused(
        model, tensor("a", one)
    )
    assert "unknown input 'a'; the model takes 'input-0'" in refused(
        model, tensor("a", one), tensor("b", one)
    )


def test_categories_by_their_names(cities: XgboostModel, trained: Trained) -> None:
    city = np.array([b"Rome", b"Bonn", b"Oslo"], object)
    age = np.array([1, 2, 3])
    found = ask(cities, tensor("city", city, "BYTES"), tensor("age", age, "INT64"))
    codes = np.array([[2, 1], [0, 2], [1, 3]], np.float32)
    np.testing.assert_array_equal(found, ask(cities, tensor("input-0", codes)))
    assert len(set(found.tolist())) == 3


def test_an_unknown_category_is_named(cities: XgboostModel) -> None:
    city = np.array([b"Rom"], object)
    said = refused(
        cities, tensor("city", city, "BYTES"), tensor("age", np.zeros(1), "FP64")
    )
    assert said == (
        "input 'city' has the category 'Rom', the model knows 'Bonn', 'Oslo', 'Rome'"
    )


def test_a_number_beyond_the_models_own_is_named(named: XgboostModel) -> None:
    rows = np.zeros((1, 4))
    rows[0, 2] = 1e300
    said = refused(named, tensor("input-0", rows, "FP64"))
    assert said.startswith("input 'input-0' holds an infinite number, or one beyond")
    given = [tensor(name, np.zeros(1, np.float32)) for name in NAMES[:3]]
    said = refused(named, *given, tensor("d", np.full(1, -np.inf, np.float32)))
    assert said.startswith("input 'd' holds an infinite number")


def test_a_data_frame_is_in_order_where_features_have_no_names(
    trained: Trained,
) -> None:
    model = XgboostModel()
    model.load(trained.saved(trained.booster()), {})
    rows = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32)
    columns = tuple(tensor(f"c{i}", column) for i, column in enumerate(rows.T))
    frame = InferRequest(inputs=columns, parameters={"content_type": "pd"})
    found = model.predict(frame).outputs[0].data
    np.testing.assert_array_equal(found, ask(model, tensor("input-0", rows)))
