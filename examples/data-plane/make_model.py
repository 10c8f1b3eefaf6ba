"""Train a classifier of irises and save it as iris.onnx.

The file is here already; to make it again: ``pip install scikit-learn skl2onnx``.
"""

from __future__ import annotations

from pathlib import Path

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FILE = Path(__file__).parent / "iris.onnx"


def make() -> bytes:
    """Return the model: rows of four measurements in, labels and probabilities out."""
    iris = load_iris()
    model = LogisticRegression(max_iter=500)
    model.fit(iris.data, iris.target_names[iris.target])
    # The first dimension is free, so that the rows of many requests may be merged.
    measurements = ("measurements", FloatTensorType([None, 4]))
    graph = to_onnx(model, initial_types=[measurements], options={"zipmap": False})
    return graph.SerializeToString()


if __name__ == "__main__":
    FILE.write_bytes(make())
    print(f"made {FILE}")
