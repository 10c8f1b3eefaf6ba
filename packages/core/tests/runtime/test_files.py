"""One model is found, or the error says what was looked for and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.runtime.files import ModelFiles, listing, not_found

if TYPE_CHECKING:
    from pathlib import Path

TREES = ModelFiles(
    title="Trees", names=("model.ubj",), patterns=("*.ubj", "*.bst"), versioned=True
)


def touch(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_the_well_known_name_wins_over_other_files(tmp_path: Path) -> None:
    touch(tmp_path / "a.bst")
    file = touch(tmp_path / "model.ubj")

    assert TREES.find(tmp_path) == file


def test_the_only_file_of_a_pattern_is_taken(tmp_path: Path) -> None:
    touch(tmp_path / "notes.md")
    file = touch(tmp_path / "iris.bst")

    assert TREES.find(tmp_path) == file
    assert TREES.find(file) == file


def test_two_models_are_named_and_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.bst")
    touch(tmp_path / "b.ubj")

    with pytest.raises(ModelLoadError, match=r"2 Trees models .*: a\.bst, b\.ubj") as e:
        TREES.find(tmp_path)

    assert e.value.reason == "ModelNotFound"
    assert "name one of them" in e.value.remedy


def test_the_highest_version_counts_by_number(tmp_path: Path) -> None:
    touch(tmp_path / "iris" / "9" / "model.ubj")
    file = touch(tmp_path / "iris" / "10" / "model.ubj")
    touch(tmp_path / "iris" / "11" / "notes.md")

    assert TREES.find(tmp_path) == file
    assert TREES.find(tmp_path / "iris") == file


def test_two_models_of_one_version_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "1" / "a.bst")
    touch(tmp_path / "1" / "b.bst")

    with pytest.raises(ModelLoadError, match="2 Trees models"):
        TREES.find(tmp_path)


def test_without_versions_no_folder_is_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "1" / "a.bst")

    with pytest.raises(ModelLoadError, match=r"looked for one \*\.bst file; found 1/"):
        ModelFiles(title="Flat", patterns=("*.bst",)).find(tmp_path)


def test_nothing_found_says_what_was_looked_for_and_what_is_there(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "model.pt")

    with pytest.raises(ModelLoadError) as caught:
        TREES.find(tmp_path)

    assert caught.value.message == (
        f"no Trees model in {tmp_path}: looked for model.ubj, one *.ubj file, one "
        "*.bst file, <version>/ folders with one of them; found model.pt"
    )


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"model\.pt is no Trees model: looked"):
        TREES.find(touch(tmp_path / "model.pt"))


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="nowhere does not exist"):
        TREES.find(tmp_path / "nowhere")


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
    touch(tmp_path / "model.ubj", data)

    with pytest.raises(ModelLoadError, match=said) as caught:
        TREES.find(tmp_path)

    assert caught.value.reason == "ModelCorrupt"


def test_a_long_listing_is_cut(tmp_path: Path) -> None:
    for number in range(12):
        touch(tmp_path / f"{number:02}")

    assert listing(tmp_path).endswith("08, 09 and 2 more")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.onnx", "if a.onnx is the model, use the format onnx, or "),
        ("saved_model.pb", "is the model, use the format tensorflow, or "),
        ("model.pkl", "model.pkl is a pickle: save it as its framework does, or use"),
    ],
)
def test_a_file_of_another_framework_is_told(
    tmp_path: Path, name: str, said: str
) -> None:
    file = touch(tmp_path / name)
    touch(tmp_path / "zz.txt")

    for path in (tmp_path, file):
        with pytest.raises(ModelLoadError) as caught:
            TREES.find(path)
        assert said in caught.value.remedy
        assert caught.value.remedy.endswith("correct the path (storageUri, --model)")


def test_half_of_a_model_is_not_called_another_format(tmp_path: Path) -> None:
    touch(tmp_path / "model.safetensors")

    error = not_found(tmp_path, "Hugging Face", "config.json")
    assert error.remedy.startswith("put the model there")


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").mkdir()

    with pytest.raises(ModelLoadError, match=r"found model\.onnx/") as caught:
        TREES.find(tmp_path)
    assert caught.value.remedy.startswith("put the model there")


def test_a_folder_that_cannot_be_listed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert listing(tmp_path) == "a folder that cannot be read (Permission denied)"
