"""LightGBM: 100 trees on scikit-learn's breast cancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def cases() -> Iterable[Case]:
    """Yield a classifier."""
    from sklearn.datasets import load_breast_cancer

    table, labels = load_breast_cancer(return_X_y=True)

    def make(folder: Path) -> Path:
        import lightgbm

        model = lightgbm.LGBMClassifier(n_estimators=100, n_jobs=1, verbosity=-1)
        model.fit(table, labels).booster_.save_model(folder / "model.txt")
        return folder

    yield Case(
        title="LightGBM, 100 trees",
        target="inferry_runtime_lightgbm.model:LightgbmModel",
        make=make,
        bare=_bare,
        request=rows_of("input-0", table),
        needs=("lightgbm", "sklearn", "inferry_runtime_lightgbm"),
    )


def _bare(path: Path) -> Callable[..., Any]:
    import lightgbm

    booster = lightgbm.Booster(model_file=path / "model.txt")

    def predict(rows: Any) -> Any:  # noqa: ANN401 - arrays
        return booster.predict(rows, num_threads=1)

    return predict
