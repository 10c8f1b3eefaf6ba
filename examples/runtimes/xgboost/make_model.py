"""Train on scikit-learn's digits: pip install scikit-learn xgboost."""

from pathlib import Path

from sklearn.datasets import load_digits
from xgboost import XGBClassifier

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write ``digits/model.ubj`` beside this file."""
    table, labels = load_digits(return_X_y=True)
    model = XGBClassifier(n_estimators=30, max_depth=4, n_jobs=1).fit(table, labels)
    (HERE / "digits").mkdir(exist_ok=True)
    model.save_model(HERE / "digits" / "model.ubj")


if __name__ == "__main__":
    main()
