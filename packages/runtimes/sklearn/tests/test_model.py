"""`SklearnModel` passes the kit, and answers with the methods of its estimator."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_sklearn.model import SklearnModel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Fitted

TREE = "sklearn.tree._tree.Tree"


class TestClassifier(RuntimeTests):
    model = SklearnModel

    @pytest.fixture
    def artifact(self, fitted: Fitted) -> Path:
        return fitted.skops(fitted.classifier()).parent


class TestTextPipeline(RuntimeTests):
    model = SklearnModel

    @pytest.fixture
    def artifact(self, fitted: Fitted) -> Path:
        return fitted.skops(fitted.texts()).parent

    @pytest.mark.xfail(reason="texts may have the shape [rows, 1] as well")
    def test_refuses_an_input_of_another_shape(
        self, loaded: Any, request_good: Any, signature: Any
    ) -> None:
        super().test_refuses_an_input_of_another_shape(loaded, request_good, signature)


class TestColumns(RuntimeTests):
    model = SklearnModel

    @pytest.fixture
    def artifact(self, fitted: Fitted) -> Path:
        return fitted.skops(fitted.mixed()).parent

    @pytest.mark.xfail(reason="a column may have the shape [rows, 1] as well")
    def test_refuses_an_input_of_another_shape(
        self, loaded: Any, request_good: Any, signature: Any
    ) -> None:
        super().test_refuses_an_input_of_another_shape(loaded, request_good, signature)


def loaded(path: Path, **options: Any) -> SklearnModel:
    model = SklearnModel()
    model.load(path, options)
    return model


def rows(*values: list[float], outputs: tuple[str, ...] = ()) -> InferRequest:
    tensor = Tensor(name="input-0", datatype="FP64", data=np.array(values))
    return InferRequest(inputs=(tensor,), outputs=outputs)


def test_metadata_is_what_the_model_was_fitted_on(fitted: Fitted) -> None:
    metadata = loaded(fitted.skops(fitted.classifier())).metadata()

    assert metadata.platform == "sklearn"
    assert metadata.inputs == (
        TensorSpec(name="input-0", datatype="FP64", shape=(-1, 2)),
    )
    assert metadata.outputs[:2] == (
        TensorSpec(name="predict", datatype="INT64", shape=(-1,)),
        TensorSpec(name="predict_proba", datatype="FP64", shape=(-1, 2)),
    )


def test_predict_answers_by_default(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.regressor()))

    (answer,) = model.predict(rows([1, 0], [3, 0])).outputs

    assert answer.name == "predict"
    np.testing.assert_allclose(answer.data, [2, 6], atol=8)


def test_predict_proba_answers_when_asked(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.classifier()))

    answer = model.predict(rows([0, 0], outputs=("predict", "predict_proba")))

    assert [tensor.name for tensor in answer.outputs] == ["predict", "predict_proba"]
    np.testing.assert_allclose(answer.outputs[1].data.sum(), 1)


def test_the_option_method_says_what_answers(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.classifier()), method="predict_proba")

    (answer,) = model.predict(rows([0, 0])).outputs

    assert answer.name == "predict_proba"


def test_a_transformer_transforms(fitted: Fitted) -> None:
    scaler = StandardScaler().fit([[0.0, 0.0], [2.0, 4.0]])
    model = loaded(fitted.skops(scaler))

    (answer,) = model.predict(rows([1, 2])).outputs

    assert (answer.name, answer.data.tolist()) == ("transform", [[0, 0]])


def test_a_method_the_model_has_not_is_refused_at_load(fitted: Fitted) -> None:
    path = fitted.skops(fitted.regressor())

    with pytest.raises(ModelLoadError, match="LinearRegression, which has no pred"):
        loaded(path, method="predict_proba")


def test_an_output_the_model_has_not_is_refused(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.regressor()))

    with pytest.raises(InvalidInput, match="unknown output 'predict_proba'"):
        model.predict(rows([0, 0], outputs=("predict_proba",)))


def test_what_is_no_estimator_is_refused(fitted: Fitted) -> None:
    with pytest.raises(ModelLoadError, match="holds a dict"):
        loaded(fitted.skops({"a": 1}))


def test_an_unfitted_model_is_refused(fitted: Fitted) -> None:
    with pytest.raises(ModelLoadError, match="is not fitted"):
        loaded(fitted.skops(LogisticRegression()))


def test_another_version_is_logged_before_ready(
    fitted: Fitted, caplog: pytest.LogCaptureFixture
) -> None:
    path = fitted.aged(fitted.skops(fitted.classifier()), "1.2.0")

    with caplog.at_level(logging.WARNING):
        loaded(path)

    assert "saved by scikit-learn 1.2.0" in caplog.text
    assert sklearn.__version__ in caplog.text


def test_another_version_can_be_refused(fitted: Fitted) -> None:
    path = fitted.aged(fitted.skops(fitted.classifier()), "1.2.0")

    with pytest.raises(ModelLoadError, match=r"1\.2\.0") as caught:
        loaded(path, versionMismatch="fail")

    assert caught.value.reason == "ModelVersionMismatch"


def test_another_version_that_breaks_is_named_as_the_cause(fitted: Fitted) -> None:
    model = fitted.classifier()
    del model.steps[-1][1].intercept_
    path = fitted.aged(fitted.skops(model), "1.2.0")

    with pytest.raises(ModelLoadError, match="intercept_") as caught:
        loaded(path)

    assert caught.value.reason == "ModelVersionMismatch"


def test_an_unknown_choice_is_refused(fitted: Fitted) -> None:
    with pytest.raises(ModelLoadError, match="use warn or fail"):
        loaded(fitted.skops(fitted.regressor()), versionMismatch="ignore")


def test_a_forest_runs_in_one_thread(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.forest()))

    assert model.predict(rows([0, 0])).outputs[0].data.tolist() == [0]
    assert model._model.n_jobs == 1


class Failing(BaseEstimator):
    def predict(self, rows: Any) -> Any:
        msg = "boom"
        raise RuntimeError(msg)


def test_a_model_that_fails_is_an_inference_error(fitted: Fitted) -> None:
    path = fitted.joblib(fitted.regressor())
    model = loaded(path, allowPickle=True)
    model._model = Failing()

    with pytest.raises(InferenceError, match="RuntimeError: boom"):
        model.predict(rows([0, 0]))


def test_a_model_of_unknown_input_is_not_warmed_up(fitted: Fitted) -> None:
    model = fitted.classifier()
    del model.steps[0][1].n_features_in_
    served = loaded(fitted.skops(model))

    assert served.metadata().inputs == ()
    assert served.warm_up() is None
    assert served.predict(rows([0, 0])).outputs[0].data.tolist() == [0]


def test_unload_forgets_the_model(fitted: Fitted) -> None:
    model = loaded(fitted.skops(fitted.regressor()))

    model.unload()

    with pytest.raises(ModelNotReady):
        model.predict(rows([0, 0]))


def test_a_data_frame_of_mlservers_clients_has_a_tensor_per_column(
    fitted: Fitted,
) -> None:
    model = SklearnModel()
    model.load(fitted.skops(fitted.classifier()), {})
    column = np.array([0.0, 10.0])
    inputs = tuple(
        Tensor(name=name, datatype="FP64", data=column) for name in ("x", "y")
    )
    frame = {"content_type": "pd"}
    answer = model.predict(InferRequest(inputs=inputs, parameters=frame))
    assert answer.outputs[0].data.tolist() == [0, 1]
    with pytest.raises(InvalidInput, match=r"1 columns, expected 2: .* here 'x'"):
        model.predict(InferRequest(inputs=inputs[:1], parameters=frame))
    short = Tensor(name="y", datatype="FP64", data=column[:1])
    with pytest.raises(InvalidInput, match="number of rows: 'x' 2, 'y' 1"):
        model.predict(InferRequest(inputs=(inputs[0], short), parameters=frame))


def test_a_data_frame_has_the_columns_of_the_fit_by_name(fitted: Fitted) -> None:
    model = SklearnModel()
    model.load(fitted.skops(fitted.named()), {})
    column = np.array([0.0, 10.0])
    inputs = tuple(
        Tensor(name=name, datatype="FP64", data=column) for name in ("b", "a")
    )
    frame = {"content_type": "pd"}
    answer = model.predict(InferRequest(inputs=inputs, parameters=frame))
    assert answer.outputs[0].data.tolist() == [0, 1]
