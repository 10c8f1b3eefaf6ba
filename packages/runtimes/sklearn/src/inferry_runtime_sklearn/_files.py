"""Find the one model file in what the storage gave."""

from __future__ import annotations

from inferry.runtime.files import ModelFiles

__all__ = ["FILES", "SAFE"]

SAFE = ".skops"
FILES = ModelFiles(
    title="scikit-learn", patterns=("*.skops", "*.joblib", "*.pkl", "*.pickle")
)
