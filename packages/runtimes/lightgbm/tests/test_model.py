"""`LightgbmModel` answers as LightGBM does, and says what does not fit."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_lightgbm.model import LightgbmModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Trained

ALL = (
    "predict",
    "predict_class",
    "predict_proba",
    "raw_score",
    "pred_leaf",
    "pred_contrib",
)


class TestBooster(RuntimeTests):
    model = LightgbmModel

    @pytest.fixture
    def artifact(self, trained: Trained) -> Path:
        return trained.saved(trained.booster(), "model.bst").parent


class TestEverything(RuntimeTests):
    model = LightgbmModel
    options = {"method": ",".join(ALL)}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, trained: Trained) -> Path:
        return trained.saved(trained.classes(), "any name.txt")


def loaded(path: Path, **options: Any) -> LightgbmModel:
    model = LightgbmModel()
    model.load(path, options)
    return model


def tensor(data: Any, name: str = "input-0", datatype: str = "FP64") -> Tensor:
    return Tensor(name=name, datatype=datatype, data=data)


def ask(model: LightgbmModel, inputs: Any, *outputs: str) -> Any:
    given = inputs if isinstance(inputs, tuple) else (tensor(inputs),)
    answer = model.predict(InferRequest(inputs=given, outputs=outputs))
    assert [each.name for each in answer.outputs] == list(outputs or ["predict"])
    return answer.outputs[0].data


@pytest.mark.parametrize("boosting", ["gbdt", "dart", "rf"])
@pytest.mark.parametrize("linear", [False, True])
def test_answers_as_the_booster_itself(
    trained: Trained, boosting: str, linear: object
) -> None:
    more = {"bagging_freq": 1, "bagging_fraction": 0.5} if boosting == "rf" else {}
    booster = trained.booster(boosting=boosting, linear_tree=bool(linear), **more)
    model = loaded(trained.saved(booster))
    np.testing.assert_array_equal(
        ask(model, trained.rows), booster.predict(trained.rows)
    )


@pytest.mark.parametrize("name", ["raw_score", "pred_leaf", "pred_contrib"])
def test_every_output_is_the_librarys(trained: Trained, name: str) -> None:
    booster = trained.classes()
    model = loaded(trained.saved(booster))
    expected = booster.predict(trained.rows, **{name: True})
    found = ask(model, trained.rows, name)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize("objective", ["binary", "multiclass", "multiclassova"])
def test_classes_and_probabilities_are_those_of_the_classifier(
    trained: Trained, objective: str
) -> None:
    labels = trained.labels > 0 if objective == "binary" else trained.labels
    classifier = lightgbm.LGBMClassifier(
        n_estimators=3, num_leaves=4, n_jobs=1, objective=objective, verbosity=-1
    ).fit(trained.rows, labels)
    model = loaded(trained.saved(classifier.booster_))
    np.testing.assert_array_equal(
        ask(model, trained.rows, "predict_class"), classifier.predict(trained.rows)
    )
    np.testing.assert_array_equal(
        ask(model, trained.rows, "predict_proba"),
        classifier.predict_proba(trained.rows),
    )


def test_the_signature_is_the_models_own(trained: Trained) -> None:
    metadata = loaded(trained.saved(trained.classes())).metadata()
    assert metadata.platform == "lightgbm"
    assert metadata.inputs == (
        TensorSpec(name="input-0", datatype="FP64", shape=(-1, 4)),
    )
    assert metadata.outputs == (
        TensorSpec(name="predict", datatype="FP64", shape=(-1, 3)),
        TensorSpec(name="predict_class", datatype="INT64", shape=(-1,)),
        TensorSpec(name="predict_proba", datatype="FP64", shape=(-1, 3)),
        TensorSpec(name="raw_score", datatype="FP64", shape=(-1, 3)),
        TensorSpec(name="pred_leaf", datatype="INT32", shape=(-1, 9)),
        TensorSpec(name="pred_contrib", datatype="FP64", shape=(-1, 15)),
    )
    regressor = loaded(trained.saved(trained.booster())).metadata()
    assert [each.name for each in regressor.outputs] == [ALL[0], *ALL[3:]]


@pytest.mark.parametrize("output", ALL)
def test_no_row_is_answered_with_none(trained: Trained, output: str) -> None:
    model = loaded(trained.saved(trained.classes()))
    spec = next(each for each in model.metadata().outputs if each.name == output)
    found = ask(model, trained.rows[:0], output)
    assert found.shape == (0, *spec.shape[1:])
    assert found.dtype == ask(model, trained.rows[:1], output).dtype


def test_method_names_what_answers_by_default(trained: Trained) -> None:
    path = trained.saved(trained.binary())
    model = loaded(path, method="predict_proba, predict")
    answer = model.predict(InferRequest(inputs=(tensor(trained.rows),)))
    assert [each.name for each in answer.outputs] == ["predict", "predict_proba"]
    with pytest.raises(ModelLoadError, match="gives no transform"):
        loaded(path, method="transform")


def test_numbers_of_any_type_are_taken(trained: Trained) -> None:
    booster = trained.booster()
    model = loaded(trained.saved(booster))
    rows = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
    expected = booster.predict(rows.astype(float))
    for dtype, datatype in (("float32", "FP32"), ("uint8", "UINT8"), ("bool", "BOOL")):
        given = tensor(rows.astype(dtype), datatype=datatype)
        np.testing.assert_array_equal(ask(model, (given,)), expected)


def test_nan_is_a_missing_value(trained: Trained) -> None:
    booster = trained.booster()
    rows = trained.rows.copy()
    rows[:, 0] = np.nan
    model = loaded(trained.saved(booster))
    np.testing.assert_array_equal(ask(model, rows), booster.predict(rows))


def test_features_by_name_in_any_order(trained: Trained) -> None:
    model = loaded(trained.saved(trained.named()))
    columns = [
        tensor(np.ascontiguousarray(trained.rows[:, position]), name)
        for position, name in enumerate("abcd")
    ]
    expected = ask(model, trained.rows)
    np.testing.assert_array_equal(ask(model, tuple(reversed(columns))), expected)
    with pytest.raises(InvalidInput, match="input 'd' is missing"):
        ask(model, tuple(columns[:3]))


def test_a_data_frame_is_in_order_where_features_have_no_names(
    trained: Trained,
) -> None:
    model = loaded(trained.saved(trained.booster()))
    columns = tuple(
        tensor(np.ascontiguousarray(column), f"c{position}")
        for position, column in enumerate(trained.rows.T)
    )
    frame = InferRequest(inputs=columns, parameters={"content_type": "pd"})
    found = model.predict(frame).outputs[0].data
    np.testing.assert_array_equal(found, ask(model, trained.rows))


def test_categories_by_their_names_as_in_pandas(trained: Trained) -> None:
    import pandas as pd

    booster = trained.categorical()
    model = loaded(trained.saved(booster))
    known = ["Rome", "Bonn", "Oslo"]
    names = [*known, "Atlantis"]
    ages = np.arange(4.0)
    city = np.array([name.encode() for name in names], dtype=object)
    frame = pd.DataFrame(
        {"city": pd.Categorical([*known, None], sorted(known)), "age": ages}
    )
    found = ask(model, (tensor(city, "city", "BYTES"), tensor(ages, "age")))
    np.testing.assert_array_equal(found, booster.predict(frame))
    assert len(set(found.tolist())) >= 3


def test_threads_get_equal_answers(trained: Trained) -> None:
    model = loaded(trained.saved(trained.booster()))
    expected = [ask(model, trained.rows, name) for name in ("predict", "pred_leaf")]
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(ask, model, trained.rows, ("predict", "pred_leaf")[turn % 2])
            for turn in range(200)
        ]
        for turn, each in enumerate(asked):
            np.testing.assert_array_equal(each.result(), expected[turn % 2])


def test_another_version_is_reported_or_refused(
    trained: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    path = trained.saved(trained.booster())
    path.write_text(path.read_text().replace("version=v4", "version=v3"))
    with caplog.at_level(logging.WARNING):
        loaded(path)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"model.txt was saved by LightGBM 3, installed is {lightgbm.__version__}; "
        "its answers may differ"
    )
    with pytest.raises(ModelLoadError, match="saved by LightGBM 3") as caught:
        loaded(path, versionMismatch="fail")
    assert caught.value.reason == "ModelVersionMismatch"


def test_nothing_is_printed(
    trained: Trained, capfd: pytest.CaptureFixture[str]
) -> None:
    path = trained.saved(trained.booster())
    text = path.read_text()
    path.write_text(text.replace("[boosting: gbdt]", "[bosting: gbdt]"))
    ask(loaded(path), trained.rows)
    assert capfd.readouterr() == ("", "")


def test_what_is_not_loaded_does_not_answer(trained: Trained) -> None:
    model = loaded(trained.saved(trained.booster()))
    model.unload()
    with pytest.raises(ModelNotReady):
        ask(model, trained.rows)


def test_threads_have_the_name_of_kserves_server_too(trained: Trained) -> None:
    path = trained.saved(trained.booster())
    for given, threads in (({}, 1), ({"threads": 2, "nthread": 0}, 2)):
        assert _threads(loaded(path, **given)) == threads
    assert _threads(loaded(path, threads=1, nthread=3)) == 3
    with pytest.raises(ModelLoadError, match="option nthread is -1"):
        loaded(path, nthread=-1)


def _threads(model: LightgbmModel) -> int:
    assert model._answers is not None
    return model._answers._threads
