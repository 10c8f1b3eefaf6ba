"""scikit-learn: a linear model, and a forest on scikit-learn and converted to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

TARGET = "inferry_runtime_sklearn.model:SklearnModel"


def cases() -> Iterable[Case]:
    """Yield a logistic regression and a random forest on scikit-learn's digits."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    table, labels = load_digits(return_X_y=True)

    forest = RandomForestClassifier(random_state=0)

    def saved(model: Any) -> Callable[[Path], Path]:  # noqa: ANN401 - any estimator
        def make(folder: Path) -> Path:
            from skops import io

            io.dump(model.fit(table, labels), folder / "model.skops")
            return folder

        return make

    for title, model, options in (
        ("scikit-learn, logistic regression", LogisticRegression(max_iter=500), {}),
        ("scikit-learn, forest of 100", forest, {}),
        ("the same, optimize=onnx", forest, {"optimize": "onnx"}),
    ):
        yield Case(
            title=title,
            target=TARGET,
            make=saved(model),
            bare=_bare,
            request=rows_of("input-0", table, ["predict_proba"]),
            needs=("sklearn", "skops", "inferry_runtime_sklearn"),
            options=options,
        )


def _bare(path: Path) -> Callable[..., Any]:
    from skops import io

    file = path / "model.skops"
    model = io.load(file, trusted=io.get_untrusted_types(file=file))
    predict: Callable[..., Any] = model.predict_proba
    return predict
