"""The three ONNX models that every server serves, written on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: What older ONNX Runtimes read too.
_OPSETS = (("", 17), ("ai.onnx.ml", 3))
_IR_VERSION = 8
MODELS = ("iris", "img", "text")


def write(folder: Path) -> None:
    """Write ``NAME/model.onnx`` for each of `MODELS` under *folder*."""
    import onnx
    from onnx import helper

    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS]
    for name, graph in (("iris", _iris()), ("img", _img()), ("text", _text())):
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="bench"
        )
        onnx.checker.check_model(model)
        (folder / name).mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / name / "model.onnx")


def _iris() -> Any:  # noqa: ANN401 - onnx ships no types
    """Return scikit-learn's logistic regression on iris as skl2onnx converts it."""
    from onnx import TensorProto, helper
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    data = load_iris()
    fitted = LogisticRegression(max_iter=500).fit(data.data, data.target)
    node = helper.make_node(
        "LinearClassifier",
        ["input"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        coefficients=fitted.coef_.astype("float32").ravel().tolist(),
        intercepts=fitted.intercept_.astype("float32").tolist(),
        classlabels_ints=fitted.classes_.tolist(),
        post_transform="SOFTMAX",
    )
    return helper.make_graph(
        [node],
        "iris",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 4])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3]),
        ],
    )


def _img() -> Any:  # noqa: ANN401 - onnx ships no types
    """Return the average of each channel of an image."""
    from onnx import TensorProto, helper

    shape: list[str | int | None] = ["N", 3, 224, 224]
    return helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["mean"]),
        ],
        "img",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["N", 3])],
    )


def _text() -> Any:  # noqa: ANN401 - onnx ships no types
    """Return strings as they came."""
    from onnx import TensorProto, helper

    return helper.make_graph(
        [helper.make_node("Identity", ["text"], ["echo"])],
        "text",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["N"])],
        [helper.make_tensor_value_info("echo", TensorProto.STRING, ["N"])],
    )
