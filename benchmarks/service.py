"""The iris service that the benchmarks ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: {folder}
"""


@dataclass(frozen=True, kw_only=True)
class Iris:
    """A service, a V1 body for it and the only right answer."""

    name: str
    yaml: Path
    body: dict[str, Any]
    answer: list[Any]


def make_iris(folder: Path) -> Iris:
    """Train a logistic regression on scikit-learn's iris and write its service."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from skops import io as skops

    data = load_iris()
    model = LogisticRegression(max_iter=500).fit(data.data, data.target)
    (folder / "model").mkdir(parents=True)
    skops.dump(model, folder / "model" / "model.skops")
    yaml = folder / "service.yaml"
    yaml.write_text(YAML.format(folder=folder / "model"))
    rows = data.data[[0, 75, 149]].tolist()
    answer = model.predict(rows).tolist()
    return Iris(name="iris", yaml=yaml, body={"instances": rows}, answer=answer)
