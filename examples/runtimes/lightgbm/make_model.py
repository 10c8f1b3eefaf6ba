"""Train on scikit-learn's breast cancer: pip install lightgbm pandas scikit-learn."""

from pathlib import Path

from lightgbm import LGBMClassifier
from sklearn.datasets import load_breast_cancer

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write ``tumours/model.txt`` beside this file."""
    table, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = LGBMClassifier(n_estimators=40, n_jobs=1, verbosity=-1).fit(table, labels)
    (HERE / "tumours").mkdir(exist_ok=True)
    model.booster_.save_model(HERE / "tumours" / "model.txt")


if __name__ == "__main__":
    main()
