"""Train the two models that services.yaml serves, on data that scikit-learn bundles."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops

MODELS = Path(__file__).parent / "models"

if __name__ == "__main__":
    for name, load in {"iris": load_iris, "wine": load_wine}.items():
        data = load()
        pipeline = make_pipeline(StandardScaler(), LogisticRegression())
        pipeline.fit(data.data, data.target_names[data.target])
        (MODELS / name).mkdir(parents=True, exist_ok=True)
        skops.dump(pipeline, MODELS / name / "model.skops")
        print(f"made {MODELS / name}")
