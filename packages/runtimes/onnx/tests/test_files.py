"""One model is found, or the error says what was looked for and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_onnx._files import find

if TYPE_CHECKING:
    from pathlib import Path


def touch(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    file = touch(tmp_path / "weights.bin")

    assert find(file) == file


def test_model_onnx_wins_over_other_files(tmp_path: Path) -> None:
    touch(tmp_path / "a.onnx")
    file = touch(tmp_path / "model.onnx")

    assert find(tmp_path) == file


def test_a_single_file_is_taken(tmp_path: Path) -> None:
    file = touch(tmp_path / "mnist.onnx")

    assert find(tmp_path) == file


def test_triton_layout_gives_the_highest_version_by_number(tmp_path: Path) -> None:
    touch(tmp_path / "mnist" / "9" / "model.onnx")
    file = touch(tmp_path / "mnist" / "10" / "model.onnx")

    assert find(tmp_path) == file
    assert find(tmp_path / "mnist") == file


def test_two_models_are_named_and_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.onnx")
    touch(tmp_path / "b.onnx")

    with pytest.raises(ModelLoadError, match=r"a\.onnx, b\.onnx") as caught:
        find(tmp_path)

    assert caught.value.reason == "ModelNotFound"


def test_nothing_found_says_what_was_looked_for_and_what_is_there(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "model.pt")

    with pytest.raises(
        ModelLoadError, match=r"looked for .* found model\.pt"
    ) as caught:
        find(tmp_path)

    assert caught.value.reason == "ModelNotFound"


def test_an_empty_folder_is_said_to_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="found nothing"):
        find(tmp_path)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="nowhere does not exist"):
        find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid x", "Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
    ],
)
def test_what_cannot_be_a_model_is_told_apart(
    tmp_path: Path, data: bytes, said: str
) -> None:
    touch(tmp_path / "model.onnx", data)

    with pytest.raises(ModelLoadError, match=said) as caught:
        find(tmp_path)

    assert caught.value.reason == "ModelCorrupt"
