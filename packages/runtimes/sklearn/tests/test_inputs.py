"""Tensors become rows, texts or columns, and what does not fit is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from inferry.errors import InvalidInput
from inferry.model import InferRequest, Tensor
from inferry_runtime_sklearn.model import SklearnModel

if TYPE_CHECKING:
    from conftest import Fitted


def answer(model: SklearnModel, *inputs: Tensor) -> list[Any]:
    (output,) = model.predict(InferRequest(inputs=inputs)).outputs
    answers: list[Any] = output.data.tolist()
    return answers


def numbers(name: str, data: Any, datatype: str = "FP64", dtype: str = "") -> Tensor:
    array = np.array(data, dtype=dtype or "float64")
    return Tensor(name=name, datatype=datatype, data=array)


def texts(name: str, *items: Any) -> Tensor:
    return Tensor(name=name, datatype="BYTES", data=np.array(items, dtype=object))


@pytest.fixture
def classifier(fitted: Fitted) -> SklearnModel:
    return loaded(fitted, fitted.classifier())


@pytest.fixture
def named(fitted: Fitted) -> SklearnModel:
    return loaded(fitted, fitted.named())


@pytest.fixture
def mixed(fitted: Fitted) -> SklearnModel:
    return loaded(fitted, fitted.mixed())


def loaded(fitted: Fitted, model: Any) -> SklearnModel:
    served = SklearnModel()
    served.load(fitted.skops(model), {})
    return served


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("FP64", "float64"),
        ("FP32", "float32"),
        ("FP16", "float16"),
        ("INT64", "int64"),
        ("UINT8", "uint8"),
    ],
)
def test_any_number_is_taken(
    classifier: SklearnModel, datatype: str, dtype: str
) -> None:
    rows = numbers("input-0", [[0, 1], [9, 10]], datatype, dtype)

    assert answer(classifier, rows) == [0, 1]


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (
            numbers("input-0", [[1, 2, 3]]),
            r"has shape \[1, 3\], expected \[-1, 2\]",
        ),
        (numbers("input-0", [1, 2]), r"has shape \[2\], expected \[-1, 2\]"),
        (numbers("input-0", [[1, np.nan]]), "the model refuses input 'input-0': .*NaN"),
        (numbers("input-0", np.ones((0, 2))), "refuses input 'input-0': .* 0 sample"),
        (
            texts("input-0", [b"a", b"b"]),
            "is BYTES, expected numbers, such as FP64",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    classifier: SklearnModel, tensor: Tensor, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        answer(classifier, tensor)


def test_another_name_is_refused(classifier: SklearnModel) -> None:
    with pytest.raises(InvalidInput, match="unknown input 'x'; the model takes"):
        answer(classifier, numbers("x", [[1, 2]]))


def test_no_input_is_refused(classifier: SklearnModel) -> None:
    with pytest.raises(InvalidInput, match="no input"):
        answer(classifier)


def test_several_inputs_need_column_names(classifier: SklearnModel) -> None:
    said = r"2 inputs \('a', 'b'\), expected one, .* fitted without column names"
    with pytest.raises(InvalidInput, match=said):
        answer(classifier, numbers("a", [1]), numbers("b", [1]))


def test_texts_are_rows_of_a_text_pipeline(fitted: Fitted) -> None:
    model = loaded(fitted, fitted.texts())

    assert answer(model, texts("input-0", b"spam", b"hello")) == [b"spam", b"ham"]
    assert answer(model, texts("input-0", [b"spam"])) == [b"spam"]


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (numbers("input-0", [[1]]), "is FP64, expected BYTES"),
        (
            texts("input-0", [b"a", b"b"]),
            r"has shape \[1, 2\], expected \[-1\]",
        ),
        (
            Tensor(name="input-0", datatype="BYTES", data=np.array(b"a", dtype=object)),
            r"has shape \[\], expected \[-1\]",
        ),
        (texts("input-0", b"ok", b"\xff"), "element 1 of input 'input-0' is not UTF-8"),
    ],
)
def test_what_is_no_text_is_named(fitted: Fitted, tensor: Tensor, said: str) -> None:
    model = loaded(fitted, fitted.texts())

    with pytest.raises(InvalidInput, match=said):
        answer(model, tensor)


def test_columns_go_by_name_not_by_order(named: SklearnModel) -> None:
    assert answer(named, numbers("b", [0, 9]), numbers("a", [[0], [9]])) == [0, 1]


def test_one_matrix_is_in_the_order_of_the_fit(named: SklearnModel) -> None:
    assert answer(named, numbers("input-0", [[0, 0], [9, 9]])) == [0, 1]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((numbers("a", [1]),), "input 'b' is missing"),
        ((numbers("a", [1]), numbers("A", [1])), "unknown input 'A'"),
        ((numbers("a", [1]), numbers("a", [1])), "'a' is given twice"),
        ((numbers("a", [1]), numbers("b", [1, 2])), "differ in their number of rows"),
        ((numbers("a", [1]), numbers("b", [[1, 2]])), r"'b' has shape \[1, 2\]"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    named: SklearnModel, inputs: tuple[Tensor, ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        answer(named, *inputs)


def test_an_input_beside_the_only_column_is_refused(fitted: Fitted) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": fitted.rows[:, 0]})
    model = loaded(fitted, LogisticRegression().fit(frame, fitted.labels))

    assert answer(model, numbers("input-0", [[0]])) == [0]
    with pytest.raises(InvalidInput, match="unknown input 'x'; expected 'a'"):
        answer(model, numbers("a", [[0]]), numbers("x", [[0]]))


@pytest.mark.parametrize("fitted_on", ["float32", "float64"])
@pytest.mark.parametrize(("datatype", "dtype"), [("FP32", "float32"), ("FP64", "")])
def test_compiled_code_takes_floats_of_either_width(
    fitted: Fitted, fitted_on: str, datatype: str, dtype: str
) -> None:
    rows = fitted.rows.astype(fitted_on)
    model = KMeans(2, n_init=1, random_state=0).fit(rows)
    served = loaded(fitted, model)

    given = numbers("input-0", fitted.rows, datatype, dtype)
    assert answer(served, given) == model.predict(rows).tolist()


def test_numbers_beside_text_are_read_from_text(fitted: Fitted) -> None:
    columns = ColumnTransformer(
        [("city", OneHotEncoder(), [0]), ("age", StandardScaler(), [1])]
    )
    rows = np.array([["Bonn", 1], ["Rome", 2], ["Bonn", 30], ["Rome", 40]], object)
    pipeline = make_pipeline(columns, LogisticRegression()).fit(rows, fitted.labels)
    model = loaded(fitted, pipeline)

    assert [spec.name for spec in model.metadata().outputs][:1] == ["predict"]
    assert answer(model, texts("input-0", [b"Bonn", b"40"])) == [1]


def test_columns_of_numbers_and_text_make_a_frame(mixed: SklearnModel) -> None:
    assert [spec.datatype for spec in mixed.metadata().inputs] == ["BYTES", "FP64"]
    assert answer(mixed, texts("city", b"Bonn"), numbers("age", [40])) == [1]


def test_an_unknown_category_is_the_callers_mistake(mixed: SklearnModel) -> None:
    said = "refuses inputs 'city', 'age': .*unknown categories"
    with pytest.raises(InvalidInput, match=said):
        answer(mixed, texts("city", b"Oslo"), numbers("age", [40]))


def test_a_matrix_where_columns_belong_says_which(mixed: SklearnModel) -> None:
    with pytest.raises(InvalidInput, match="one input per column: 'city', 'age'"):
        answer(mixed, numbers("input-0", [[1, 2]]))
