"""Both files of a model are found where people put them; what is missing is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_paddle import _files

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"content")
    return folder


@pytest.mark.parametrize("program", ["inference.pdmodel", "inference.json"])
def test_a_program_is_found_beside_its_parameters(tmp_path: Path, program: str) -> None:
    write(tmp_path, program, "inference.pdiparams", "config.json", "inference.yml")

    found = _files.find(tmp_path)

    assert (found.program.name, found.parameters.name) == (
        program,
        "inference.pdiparams",
    )
    assert _files.find(tmp_path / program) == found
    assert _files.find(tmp_path / "inference.pdiparams") == found


def test_the_only_program_may_have_another_name(tmp_path: Path) -> None:
    write(tmp_path, "network.pdmodel", "weights.pdiparams")

    assert _files.find(tmp_path).program.name == "network.pdmodel"


def test_the_highest_version_is_served(tmp_path: Path) -> None:
    for version in ("9", "10"):
        write(tmp_path / version, "m.json", "m.pdiparams")

    assert _files.find(tmp_path).program.parent.name == "10"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a.onnx",), r"looked for one \*.pdiparams file.*found a.onnx"),
        (("m.pdiparams",), r"half of a Paddle model: looked for m.pdmodel or m.json"),
        (("a.pdiparams", "b.pdiparams"), "2 Paddle models in"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said) as caught:
        _files.find(write(tmp_path, *names))

    assert caught.value.reason == Reason.ModelNotFound


def test_a_program_alone_is_half_a_model(tmp_path: Path) -> None:
    write(tmp_path, "m.pdmodel")

    with pytest.raises(ModelLoadError, match=r"m.pdmodel is half of a Paddle model"):
        _files.find(tmp_path / "m.pdmodel")
