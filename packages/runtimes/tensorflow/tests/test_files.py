"""The model is found where people put it, and what is none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_tensorflow import _files

if TYPE_CHECKING:
    from pathlib import Path

LITE = b"\x1c\0\0\0TFL3" + bytes(8)


@pytest.mark.parametrize(
    "place",
    [
        "saved_model.pb",
        "7/saved_model.pb",
        "name/7/saved_model.pb",
        "7/model.savedmodel/saved_model.pb",
    ],
)
def test_a_saved_model_is_found_in_its_layouts(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"model")

    assert _files.find(tmp_path) == file


def test_the_highest_version_is_served(tmp_path: Path) -> None:
    for version in ("2", "10", "9"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").write_bytes(b"model")

    assert _files.find(tmp_path).parent.name == "10"


def test_a_tflite_file_is_found_by_its_suffix(tmp_path: Path) -> None:
    file = tmp_path / "digits.tflite"
    file.write_bytes(LITE)

    assert _files.find(tmp_path) == file
    assert _files.find(file) == file


@pytest.mark.parametrize(
    ("name", "content", "reason", "said"),
    [
        ("a.tflite", b"nonsense", Reason.ModelCorrupt, "bytes 4 to 8 are not TFL3"),
        ("a.tflite", b"", Reason.ModelCorrupt, "is empty"),
        ("saved_model.pb", b"<!DOCTYPE html>", Reason.ModelCorrupt, "is a web page"),
        ("a.keras", b"PK", Reason.ModelUnsafe, r'which may hold code.*export\("1"\)'),
        ("a.h5", b"\x89HDF", Reason.ModelUnsafe, "a.h5 is a Keras file"),
        ("a.onnx", b"x", Reason.ModelNotFound, r"looked for saved_model.pb.*a\.onnx"),
    ],
)
def test_what_is_no_model_is_explained(
    tmp_path: Path, name: str, content: bytes, reason: str, said: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ModelLoadError, match=said) as caught:
        _files.find(tmp_path)

    assert caught.value.reason == reason


def test_variables_may_be_a_pointer_of_git_lfs(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"model")
    (tmp_path / "variables").mkdir()
    pointer = tmp_path / "variables" / "variables.data-00000-of-00001"
    pointer.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")

    with pytest.raises(ModelLoadError, match="Git LFS pointer"):
        _files.find(tmp_path)
