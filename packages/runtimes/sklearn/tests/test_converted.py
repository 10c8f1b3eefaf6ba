"""A converted model answers as the one it was made from, or is not used."""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry.testing import RuntimeTests
from inferry_runtime_sklearn import _converted, _samples, _signature
from inferry_runtime_sklearn.model import SklearnModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Fitted

ROWS, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]


class TestConverted(RuntimeTests):
    model = SklearnModel
    options = {"optimize": "onnx"}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, fitted: Fitted) -> Path:
        return fitted.skops(fitted.forest())


def ask(model: SklearnModel, rows: Any, *outputs: str) -> Any:
    tensor = Tensor(name="input-0", datatype="FP64", data=np.asarray(rows, float))
    answer = model.predict(InferRequest(inputs=(tensor,), outputs=outputs))
    return answer.outputs[0].data


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (DecisionTreeClassifier(), CLASSES),
        (RandomForestClassifier(5, random_state=0), NAMES),
        (RandomForestRegressor(5, random_state=0), ROWS[:, 0]),
        (LinearRegression(), ROWS[:, :2]),
        (LogisticRegression(max_iter=500), CLASSES),
        (make_pipeline(StandardScaler(), LogisticRegression()), NAMES),
        (StandardScaler(), None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_graph_answers_as_the_estimator(
    model: Any, labels: Any, fitted: Fitted, caplog: pytest.LogCaptureFixture
) -> None:
    model.fit(ROWS, labels)
    served = SklearnModel()
    with caplog.at_level(logging.INFO):
        served.load(fitted.skops(model), {"optimize": "onnx"})
    (record,) = caplog.records
    assert "is served as ONNX" in record.getMessage()
    plain = SklearnModel()
    plain.load(fitted.skops(model, "plain.skops").parent / "plain.skops", {})
    assert served.metadata() == plain.metadata()
    for name in ("predict", "predict_proba", "transform"):
        if hasattr(model, name):
            found, expected = ask(served, ROWS, name), ask(plain, ROWS, name)
            assert found.dtype == expected.dtype
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(found, expected)


def test_what_is_not_finite_is_scikit_learns_to_refuse(fitted: Fitted) -> None:
    model = SklearnModel()
    model.load(fitted.skops(fitted.classifier()), {"optimize": "onnx"})
    with pytest.raises(InvalidInput, match="NaN"):
        ask(model, [[np.nan, 0]])
    assert ask(model, np.zeros((1, 2))).tolist() == [0]


def test_a_model_with_names_is_converted_too(
    fitted: Fitted, caplog: pytest.LogCaptureFixture
) -> None:
    model = SklearnModel()
    with caplog.at_level(logging.INFO):
        model.load(fitted.skops(fitted.named()), {"optimize": "onnx"})
    assert "is served as ONNX" in caplog.text
    assert ask(model, [[0, 0], [10, 10]]).tolist() == [0, 1]


def test_what_cannot_be_converted_stays(
    fitted: Fitted, caplog: pytest.LogCaptureFixture
) -> None:
    model = SklearnModel()
    model.load(fitted.skops(fitted.texts()), {"optimize": "onnx"})
    assert "stays with scikit-learn" in caplog.text
    assert "does not take a table of numbers" in caplog.text


def test_a_graph_that_answers_otherwise_is_not_used() -> None:
    class Off(LinearRegression):  # type: ignore[misc]
        """Differs from what a graph of its coefficients says."""

        def predict(self, X: Any) -> Any:  # noqa: N803 - as scikit-learn calls it
            return super().predict(X) + 1e-3

    model = LinearRegression().fit(ROWS, ROWS[:, 0] * 2)
    made = _converted.convert(model, _signature.describe(model), threads=1)
    model.__class__ = Off
    with pytest.raises(_converted.Unequal, match="answers predict otherwise"):
        made.compare(model, ROWS)


def test_a_model_whose_converter_fails_says_so() -> None:
    class Unknown(KNeighborsClassifier):  # type: ignore[misc]
        """No converter knows it."""

    model = Unknown(1).fit(ROWS, CLASSES)
    with pytest.raises(_converted.Unequal, match="Unable to find a shape calculator"):
        _converted.convert(model, _signature.describe(model), threads=1)


def test_samples_lie_at_the_edges_of_splits() -> None:
    tree = DecisionTreeClassifier(max_depth=2).fit(ROWS, CLASSES)
    rows = _samples.samples(tree, 4)
    splits = zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
    for feature, threshold in splits:
        if feature >= 0:
            assert threshold in rows[:, feature]
    assert len(rows) > 400


def test_without_the_extra_the_way_to_it_is_said(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "skl2onnx" else found(name, *more),
    )
    with pytest.raises(ModelLoadError, match="needs skl2onnx") as caught:
        SklearnModel().load(fitted.skops(fitted.forest()), {"optimize": "onnx"})
    assert "inferry-runtime-sklearn[onnx]" in caught.value.remedy
