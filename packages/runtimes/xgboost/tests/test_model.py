"""`XgboostModel` answers as XGBoost does, and says what does not fit."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_xgboost.model import XgboostModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Trained

ALL = "predict,predict_class,predict_proba,output_margin,pred_leaf,pred_contribs"


@pytest.fixture(params=["json", "ubj", "bst"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestBooster(RuntimeTests):
    model = XgboostModel

    @pytest.fixture
    def artifact(self, trained: Trained) -> Path:
        return trained.saved(trained.booster()).parent


class TestEverything(RuntimeTests):
    model = XgboostModel
    options = {"method": ALL}  # noqa: RUF012 - as the kit declares it

    @pytest.fixture
    def artifact(self, trained: Trained) -> Path:
        return trained.saved(trained.classes(), "any name.json")


class TestLinear(RuntimeTests):
    model = XgboostModel

    @pytest.fixture
    def artifact(self, trained: Trained) -> Path:
        return trained.saved(trained.booster(booster="gblinear"))


def loaded(path: Path, **options: Any) -> XgboostModel:
    model = XgboostModel()
    model.load(path, options)
    return model


def tensor(data: Any, name: str = "input-0", datatype: str = "FP32") -> Tensor:
    return Tensor(name=name, datatype=datatype, data=data)


def ask(model: XgboostModel, inputs: Any, *outputs: str) -> Any:
    given = inputs if isinstance(inputs, tuple) else (tensor(inputs),)
    answer = model.predict(InferRequest(inputs=given, outputs=outputs))
    assert [each.name for each in answer.outputs] == list(outputs or ["predict"])
    return answer.outputs[0].data


def refused(model: XgboostModel, *inputs: Tensor) -> str:
    with pytest.raises(InvalidInput) as caught:
        ask(model, inputs)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["gbtree", "dart", "gblinear"])
def test_answers_as_the_booster_itself(
    trained: Trained, suffix: str, kind: str
) -> None:
    booster = trained.booster(booster=kind)
    model = loaded(trained.saved(booster, f"model.{suffix}"))
    matrix = xgboost.DMatrix(trained.rows)
    # In place, dart adds its trees up in another order.
    same = partial(np.testing.assert_allclose, rtol=1e-6 if kind == "dart" else 0)
    same(ask(model, trained.rows), booster.predict(matrix))
    for name in ("output_margin", "pred_contribs"):
        expected = booster.predict(matrix, **{name: True})
        same(ask(model, trained.rows, name), expected)


def test_leaves_are_numbers_of_nodes(trained: Trained) -> None:
    booster = trained.classes()
    model = loaded(trained.saved(booster))
    leaves = ask(model, trained.rows, "pred_leaf")
    assert leaves.dtype == np.int32
    matrix = xgboost.DMatrix(trained.rows)
    np.testing.assert_array_equal(leaves, booster.predict(matrix, pred_leaf=True))


@pytest.mark.parametrize(
    "objective",
    ["binary:logistic", "binary:logitraw", "multi:softprob", "multi:softmax"],
)
def test_classes_and_probabilities_are_those_of_the_classifier(
    trained: Trained, objective: str
) -> None:
    labels = trained.labels > 0 if objective[0] == "b" else trained.labels
    classifier = xgboost.XGBClassifier(
        n_estimators=3, max_depth=2, n_jobs=1, objective=objective
    ).fit(trained.rows, labels)
    model = loaded(trained.saved(classifier))
    found = ask(model, trained.rows, "predict_class")
    np.testing.assert_array_equal(found, classifier.predict(trained.rows))
    assert found.dtype == np.int64
    if objective != "binary:logitraw":  # whose classifier gives no probabilities
        expected = classifier.predict_proba(trained.rows)
        found = ask(model, trained.rows, "predict_proba")
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_hinge_has_classes_without_probabilities(trained: Trained) -> None:
    model = loaded(trained.saved(trained.binary("binary:hinge")))
    assert [each.name for each in model.metadata().outputs] == [
        "predict",
        "predict_class",
        "output_margin",
        "pred_leaf",
        "pred_contribs",
    ]
    found = ask(model, trained.rows, "predict_class")
    np.testing.assert_array_equal(found, ask(model, trained.rows))


def test_several_targets_are_columns(trained: Trained) -> None:
    labels = trained.rows[:, :3]
    for strategy in ("one_output_per_tree", "multi_output_tree"):
        regressor = xgboost.XGBRegressor(
            n_estimators=2, max_depth=2, n_jobs=1, multi_strategy=strategy
        ).fit(trained.rows, labels)
        model = loaded(trained.saved(regressor))
        expected = regressor.predict(trained.rows)
        np.testing.assert_array_equal(ask(model, trained.rows), expected)
        assert model.metadata().outputs[0].shape == (-1, 3)


def test_the_signature_is_the_models_own(trained: Trained) -> None:
    metadata = loaded(trained.saved(trained.classes())).metadata()
    assert metadata.platform == "xgboost"
    assert metadata.inputs == (
        TensorSpec(name="input-0", datatype="FP32", shape=(-1, 4)),
    )
    assert metadata.outputs == (
        TensorSpec(name="predict", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="predict_class", datatype="INT64", shape=(-1,)),
        TensorSpec(name="predict_proba", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="output_margin", datatype="FP32", shape=(-1, 3)),
        TensorSpec(name="pred_leaf", datatype="INT32", shape=(-1, 9)),
        TensorSpec(name="pred_contribs", datatype="FP32", shape=(-1, 3, 5)),
    )


@pytest.mark.parametrize("output", ALL.split(","))
def test_no_row_is_answered_with_none(trained: Trained, output: str) -> None:
    model = loaded(trained.saved(trained.classes()))
    spec = next(each for each in model.metadata().outputs if each.name == output)
    assert ask(model, trained.rows[:0], output).shape == (0, *spec.shape[1:])


@pytest.mark.parametrize(
    ("trees", "wrapped", "used"),
    [("auto", True, 1), ("auto", False, 8), ("all", True, 8), ("best", False, 1)],
)
def test_trees_after_early_stopping(
    trained: Trained, trees: str, wrapped: object, used: int
) -> None:
    booster = trained.booster(rounds=8)
    booster.set_attr(best_iteration="0")
    if wrapped:
        booster.set_attr(scikit_learn="{}")
    matrix = xgboost.DMatrix(trained.rows)
    expected = booster.predict(matrix, iteration_range=(0, used))
    model = loaded(trained.saved(booster), trees=trees)
    np.testing.assert_array_equal(ask(model, trained.rows), expected)


def test_method_names_what_answers_by_default(trained: Trained) -> None:
    path = trained.saved(trained.binary())
    model = loaded(path, method="predict_proba, predict")
    answer = model.predict(InferRequest(inputs=(tensor(trained.rows),)))
    assert [each.name for each in answer.outputs] == ["predict", "predict_proba"]
    with pytest.raises(ModelLoadError, match="gives no transform"):
        loaded(path, method="transform")


@pytest.mark.parametrize("kind", ["gbtree", "gblinear"])
def test_threads_get_equal_answers(trained: Trained, kind: str) -> None:
    model = loaded(trained.saved(trained.booster(booster=kind)))
    expected = ask(model, trained.rows, "pred_contribs")
    plain = ask(model, trained.rows)
    with ThreadPoolExecutor(4) as pool:
        contribs = [
            pool.submit(ask, model, trained.rows, "pred_contribs") for _ in range(20)
        ]
        answers = [pool.submit(ask, model, trained.rows) for _ in range(200)]
        for each in answers:
            np.testing.assert_array_equal(each.result(), plain)
        for each in contribs:
            np.testing.assert_array_equal(each.result(), expected)


def test_another_version_is_reported_or_refused(
    trained: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    path = trained.saved(trained.booster(), "model.json")
    saved = ",".join(xgboost.__version__.split("."))
    text = path.read_text()
    assert f'"version":[{saved}]' in text
    path.write_text(text.replace(f'"version":[{saved}]', '"version":[99,1,2]'))
    with caplog.at_level(logging.WARNING):
        loaded(path)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"model.json was saved by XGBoost 99.1.2, installed is {xgboost.__version__}; "
        "its answers may differ"
    )
    with pytest.raises(ModelLoadError, match=r"saved by XGBoost 99\.1\.2") as caught:
        loaded(path, versionMismatch="fail")
    assert caught.value.reason == "ModelVersionMismatch"


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_missing_gpu_is_refused_unless_the_cpu_may_do(
    trained: Trained, device: str
) -> None:
    path = trained.saved(trained.booster())
    if xgboost.build_info().get("USE_CUDA") and _has_gpu():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelLoadError, match=f"sees no {device}") as caught:
        loaded(path, device=device)
    assert "device=cpu" in caught.value.remedy
    assert ask(loaded(path, device=f"{device},cpu"), trained.rows).shape == (80,)


def _has_gpu() -> bool:
    from pathlib import Path

    return Path("/dev/nvidiactl").exists()


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:0x", ","])
def test_an_unknown_device_is_refused(trained: Trained, device: str) -> None:
    with pytest.raises(ModelLoadError, match="unknown device"):
        loaded(trained.saved(trained.booster()), device=device)


def test_what_is_not_loaded_does_not_answer(trained: Trained) -> None:
    model = loaded(trained.saved(trained.booster()))
    model.unload()
    with pytest.raises(ModelNotReady):
        ask(model, trained.rows)


def test_unknown_options_are_named(trained: Trained) -> None:
    path = trained.saved(trained.booster())
    with pytest.raises(ModelLoadError, match="option trees is 'some'"):
        loaded(path, trees="some")
    with pytest.raises(ModelLoadError, match="option threads is -1"):
        loaded(path, threads=-1)


def test_threads_have_the_name_of_kserves_server_too(trained: Trained) -> None:
    path = trained.saved(trained.booster())
    for given, threads in (({}, 1), ({"threads": 2, "nthread": 0}, 2)):
        assert _threads(loaded(path, **given)) == threads
    assert _threads(loaded(path, threads=1, nthread=3)) == 3
    with pytest.raises(ModelLoadError, match="option nthread is -1"):
        loaded(path, nthread=-1)


def _threads(model: XgboostModel) -> int:
    assert model._predictor is not None
    return model._predictor._threads
