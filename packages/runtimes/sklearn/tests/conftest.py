"""Tiny fitted models, made on the spot."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops import io as skops

if TYPE_CHECKING:
    from pathlib import Path

ROWS = np.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0], [10.0, 10.0]])
CLASSES = np.array([0, 0, 1, 1])


class Fitted:
    """Makes and saves models; what they answer is plain to see."""

    rows = ROWS
    labels = CLASSES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def classifier(self) -> Any:
        """Small numbers are class 0, large ones class 1."""
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)

    def named(self) -> Any:
        """The same, fitted on a DataFrame with the columns ``a`` and ``b``."""
        import pandas as pd

        frame = pd.DataFrame(ROWS, columns=["a", "b"])
        return LogisticRegression().fit(frame, CLASSES)

    def regressor(self) -> Any:
        """``y = 2 a``."""
        return LinearRegression().fit(ROWS, 2 * ROWS[:, 0])

    def forest(self) -> Any:
        return RandomForestClassifier(2, n_jobs=-1, random_state=0).fit(ROWS, CLASSES)

    def neighbours(self) -> Any:
        return KNeighborsClassifier(1, algorithm="kd_tree").fit(ROWS, CLASSES)

    def texts(self) -> Any:
        """Texts with ``spam`` are labelled spam, others ham."""
        model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100))
        return model.fit(["spam spam", "hello you"], ["spam", "ham"])

    def mixed(self) -> Any:
        """A city and an age, picked by name from a DataFrame."""
        import pandas as pd

        frame = pd.DataFrame({"city": ["Bonn", "Rome"] * 2, "age": [1.0, 2, 30, 40]})
        columns = ColumnTransformer(
            [("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])]
        )
        return make_pipeline(columns, LogisticRegression()).fit(frame, CLASSES)

    def skops(self, model: Any, name: str = "model.skops") -> Path:
        path = self.folder / name
        skops.dump(model, path)
        return path

    def joblib(self, model: Any, name: str = "model.joblib") -> Path:
        import joblib

        path = self.folder / name
        joblib.dump(model, path)
        return path

    def aged(self, path: Path, version: str) -> Path:
        """Rewrite a skops file as if scikit-learn *version* had saved it."""

        def rewritten(node: Any) -> Any:
            if isinstance(node, list):
                return [rewritten(item) for item in node]
            if not isinstance(node, dict):
                return node
            made = {key: rewritten(value) for key, value in node.items()}
            if "_sklearn_version" in made:
                made["_sklearn_version"]["content"] = json.dumps(version)
            return made

        source = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "schema.json":
                    data = json.dumps(rewritten(json.loads(data))).encode()
                new.writestr(name, data)
        return path


@pytest.fixture
def fitted(tmp_path: Path) -> Fitted:
    return Fitted(tmp_path / "models")
