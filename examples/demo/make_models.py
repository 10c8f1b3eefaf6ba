"""Make the two models that services.yaml serves.

``models/filetype`` holds the file-type classifier that the package magika carries
(Apache-2.0, Google), as it is. ``models/wine`` holds a scikit-learn pipeline trained
here on the data set that scikit-learn bundles, saved as skops: no pickle is involved.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops

MODELS = Path(__file__).parent / "models"


def make_filetype(folder: Path) -> None:
    """Copy magika's model, and the labels of its outputs in their order."""
    # Found without importing magika, whose own dependencies are not needed here.
    package = find_spec("magika")
    if package is None or package.origin is None:
        sys.exit(
            "the model is in the package magika: pip install --no-deps magika==1.0.3"
        )
    source = Path(package.origin).parent / "models" / "standard_v3_3"
    config = json.loads((source / "config.min.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "model.onnx", folder / "model.onnx")
    (folder / "labels.json").write_text(json.dumps(config["target_labels_space"]))


def make_wine(folder: Path) -> None:
    """Train on three quarters of the wines; the rest is for questions."""
    wines = load_wine()
    features, held_out, labels, answers = train_test_split(
        wines.data, wines.target, random_state=0, stratify=wines.target
    )
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(features, wines.target_names[labels])
    folder.mkdir(parents=True, exist_ok=True)
    skops.dump(pipeline, folder / "model.skops")
    questions = {
        "instances": held_out[:8].tolist(),
        "answers": wines.target_names[answers[:8]].tolist(),
    }
    (folder.parent / "wine-questions.json").write_text(json.dumps(questions))


MAKERS = {"filetype": make_filetype, "wine": make_wine}


if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name](MODELS / name)
        print(f"made {MODELS / name}")
