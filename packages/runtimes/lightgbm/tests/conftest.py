"""Tiny boosters, trained on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROWS = np.random.default_rng(0).random((120, 4))
CLASSES = (ROWS[:, 0] * 3).astype(int)
PARAMETERS = {"num_threads": 1, "num_leaves": 4, "min_data_in_leaf": 5, "verbosity": -1}


class Trained:
    """Trains and saves boosters."""

    rows = ROWS
    labels = CLASSES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def booster(
        self,
        labels: Any = None,
        rounds: int = 3,
        names: Any = "auto",
        **more: Any,
    ) -> Any:
        """Train on four random features, to regress the first unless told otherwise."""
        if labels is None:
            labels = ROWS[:, 0]
        data = lightgbm.Dataset(ROWS, labels, feature_name=names)
        return lightgbm.train(PARAMETERS | more, data, rounds)

    def classes(self, objective: str = "multiclass") -> Any:
        return self.booster(CLASSES, objective=objective, num_class=3)

    def binary(self) -> Any:
        return self.booster(CLASSES > 0, objective="binary")

    def named(self) -> Any:
        return self.booster(names=["a", "b", "c", "d"])

    def categorical(self) -> Any:
        """A city whose category counts, and an age."""
        import pandas as pd

        cities = pd.Categorical(["Bonn", "Rome", "Oslo"] * 40)
        frame = pd.DataFrame({"city": cities, "age": np.arange(120.0)})
        data = lightgbm.Dataset(frame, [0.0, 5, 9] * 40)
        more = {"min_data_per_group": 1, "cat_smooth": 0, "max_cat_to_onehot": 1}
        return lightgbm.train(PARAMETERS | more, data, 3)

    def saved(self, booster: Any, name: str = "model.txt") -> Path:
        path = self.folder / name
        booster.save_model(path)
        return path


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path / "models")
