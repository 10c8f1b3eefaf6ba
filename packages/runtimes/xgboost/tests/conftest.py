"""Tiny boosters, trained on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.random((80, 4)).astype(np.float32)
CLASSES = (ROWS[:, 0] * 3).astype(int)
ONE_THREAD = {"nthread": 1}


class Trained:
    """Trains and saves boosters."""

    rows = ROWS
    labels = CLASSES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def booster(
        self, labels: Any = None, rounds: int = 3, names: Any = None, **parameters: Any
    ) -> Any:
        """Train on four random features, to regress the first unless told otherwise."""
        if labels is None:
            labels = ROWS[:, 0]
        matrix = xgboost.DMatrix(ROWS, labels, feature_names=names)
        if parameters.get("booster") != "gblinear":
            parameters["max_depth"] = 2
        return xgboost.train(ONE_THREAD | parameters, matrix, rounds)

    def classes(self, objective: str = "multi:softprob") -> Any:
        return self.booster(CLASSES, objective=objective, num_class=3)

    def binary(self, objective: str = "binary:logistic") -> Any:
        return self.booster(CLASSES > 0, objective=objective)

    def named(self) -> Any:
        return self.booster(names=["a", "b", "c", "d"])

    def categorical(self) -> Any:
        """A city whose category counts, and an age."""
        import pandas as pd

        frame = pd.DataFrame(
            {"city": pd.Categorical(["Bonn", "Rome", "Oslo"] * 10), "age": range(30)}
        )
        matrix = xgboost.DMatrix(frame, [0, 5, 9] * 10, enable_categorical=True)
        return xgboost.train(ONE_THREAD | {"max_cat_to_onehot": 1}, matrix, 3)

    def saved(self, booster: Any, name: str = "model.ubj") -> Path:
        path = self.folder / name
        if path.suffix == ".bst":  # which XGBoost writes with a warning
            path.write_bytes(booster.save_raw("ubj"))
        else:
            booster.save_model(path)
        return path


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path / "models")
