"""XGBoost: 100 trees on scikit-learn's breast cancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def cases() -> Iterable[Case]:
    """Yield a classifier."""
    from sklearn.datasets import load_breast_cancer

    table, labels = load_breast_cancer(return_X_y=True)
    table = table.astype(np.float32)

    def make(folder: Path) -> Path:
        import xgboost

        model = xgboost.XGBClassifier(n_estimators=100, n_jobs=1).fit(table, labels)
        model.save_model(folder / "model.ubj")
        return folder

    yield Case(
        title="XGBoost, 100 trees",
        target="inferry_runtime_xgboost.model:XgboostModel",
        make=make,
        bare=_bare,
        request=rows_of("input-0", table),
        needs=("xgboost", "sklearn", "inferry_runtime_xgboost"),
    )


def _bare(path: Path) -> Callable[..., Any]:
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=path / "model.ubj")
    predict: Callable[..., Any] = booster.inplace_predict
    return predict
