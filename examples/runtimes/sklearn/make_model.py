"""Train on scikit-learn's wines: pip install "inferry[sklearn]"."""

from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from skops import io

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write ``wine/model.skops`` beside this file."""
    table, labels = load_wine(return_X_y=True)
    model = RandomForestClassifier(30, random_state=0).fit(table, labels)
    (HERE / "wine").mkdir(exist_ok=True)
    io.dump(model, HERE / "wine" / "model.skops")


if __name__ == "__main__":
    main()
