"""What is a model of Triton, and what is said of what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_triton import _pbtxt, _repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_models_are_found_with_their_backends(repository: Callable[..., Path]) -> None:
    folder = repository("double", "twice")

    found = _repository.read(folder, "service")

    assert [(each.name, each.backend) for each in found] == [
        ("double", "python"),
        ("twice", "ensemble"),
    ]
    assert [file.name for file in found[0].code] == ["model.py"]


def test_one_model_may_be_given_without_a_repository(
    repository: Callable[..., Path],
) -> None:
    (found,) = _repository.read(repository("double") / "double", "service")

    assert (found.name, found.folder.name) == ("service", "double")


def test_a_backend_follows_from_the_file(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    write(tmp_path, "net", config="")
    (tmp_path / "net" / "1" / "model.onnx").write_bytes(b"model")

    (found,) = _repository.read(tmp_path, "service")
    why = _repository.unservable(found, ("python",))

    assert found.backend == "onnxruntime"
    assert why is not None
    assert "needs the backend onnxruntime" in why.message
    assert 'pip install "inferry[onnx]"' in why.remedy
    assert _repository.unservable(found, ("onnxruntime",)) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\xff\xfe\x00garbage", "not UTF-8"),
        (b"name: \x00", "zero bytes"),
    ],
)
@pytest.mark.parametrize("name", ["config.pbtxt", "1/model.py"])
def test_a_file_that_is_none_is_named(
    repository: Callable[..., Path], name: str, content: bytes, said: str
) -> None:
    folder = repository("double")
    (folder / "double" / name).write_bytes(content)

    with pytest.raises(ModelLoadError, match=said) as caught:
        _repository.read(folder, "service")

    assert caught.value.reason == Reason.ModelCorrupt
    assert name in caught.value.message


def test_another_framework_is_told_by_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"model")

    with pytest.raises(ModelLoadError, match=r"found model\.joblib") as caught:
        _repository.read(tmp_path, "service")

    assert caught.value.reason == Reason.ModelNotFound


def test_a_file_is_no_repository(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("")

    with pytest.raises(ModelLoadError, match="is a file, not a model repository"):
        _repository.read(file, "service")


def test_a_model_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "double").mkdir()
    (tmp_path / "double" / "config.pbtxt").write_text('backend: "python"')

    with pytest.raises(ModelLoadError, match=r"looked for double/1/model\.py"):
        _repository.read(tmp_path, "service")


def test_libraries_of_backends_count_as_code(repository: Callable[..., Path]) -> None:
    folder = repository("twice")
    library = folder / "twice" / "1" / "libtriton_mine.so"
    library.write_bytes(b"\x7fELF")

    (found,) = _repository.read(folder, "service")

    assert found.code == (library,)


def test_only_outermost_fields_are_read(tmp_path: Path) -> None:
    file = tmp_path / "config.pbtxt"
    file.write_text(
        '# name: "comment"\ninput [{ name: "x" }] parameters { key: "name" }\n'
        "name: 'm' max_batch_size: 8 backend:\"python\""
    )

    assert _pbtxt.outermost(file) == {
        "name": "m",
        "max_batch_size": "8",
        "backend": "python",
    }
