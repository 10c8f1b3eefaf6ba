"""One model is found, or the error says what was looked for and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_sklearn._files import FILES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["a.skops", "a.joblib", "a.pkl", "a.pickle"])
def test_the_only_model_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"model")
    (tmp_path / "README.md").write_bytes(b"model")

    assert FILES.find(tmp_path) == tmp_path / name
    assert FILES.find(tmp_path / name) == tmp_path / name


def test_two_models_are_named_and_refused(tmp_path: Path) -> None:
    (tmp_path / "a.skops").write_bytes(b"model")
    (tmp_path / "b.joblib").write_bytes(b"model")

    with pytest.raises(ModelLoadError, match=r"a\.skops, b\.joblib") as caught:
        FILES.find(tmp_path)

    assert caught.value.reason == "ModelNotFound"


def test_nothing_found_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")

    with pytest.raises(ModelLoadError, match=r"\*\.skops .*model\.onnx") as caught:
        FILES.find(tmp_path)

    assert caught.value.reason == "ModelNotFound"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")

    with pytest.raises(ModelLoadError, match=r"model\.onnx is no scikit-learn model"):
        FILES.find(tmp_path / "model.onnx")
