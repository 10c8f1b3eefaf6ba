"""Files are told apart by what they hold, and wrong ones are named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch._kinds import Kind, find

from .conftest import loaded, mar

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Models

FUZZ = """
import random, sys, warnings
from pathlib import Path
from inferry.errors import InferryError
from inferry_runtime_pytorch.model import PytorchModel
warnings.simplefilter("ignore")
for path in map(Path, sys.argv[1:]):
    good = path.read_bytes()
    for seed in range(30):
        chance = random.Random(seed)
        bad = bytearray(good)
        for _ in range(chance.randint(1, 20)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        file = path.with_name("bad" + path.suffix)
        file.write_bytes(bad if seed % 3 else bad[: chance.randrange(len(bad))])
        try:
            PytorchModel().load(file, {"threads": 1})
        except InferryError as error:
            assert "\\n" not in str(error), error
print("survived")
"""


def test_kinds_are_told_by_content(models: Models) -> None:
    assert find(models.script(name="a.pt"))[1] is Kind.SCRIPT
    assert find(models.exported(name="b.pt2"))[1] is Kind.EXPORTED
    assert find(models.saved({}, "c.pt"))[1] is Kind.WEIGHTS
    archive = mar(models.folder / "d.mar", models.folder / "a.pt", "image_classifier")
    assert find(archive)[1] is Kind.MAR


@pytest.mark.parametrize("layout", ["model-store/m.mar", "1/model.pt", "m/2/model.pt2"])
def test_layouts_of_other_servers_are_known(models: Models, layout: str) -> None:
    source = models.script(name="source.ts")
    target = models.folder / layout
    target.parent.mkdir(parents=True)
    if target.suffix == ".mar":
        mar(target, source, "image_classifier")
        source.unlink()
    else:
        source.rename(target)

    assert find(models.folder)[0] == target


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\x08\x07\x12\x05torch", "is nothing that torch"),
        (b"PK\x03\x04 but no more", "is no archive, or is cut off"),
        (b"\x80\x02 no pickle", "cannot be read"),
        (b'{"a": 1}', "is nothing that torch"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "model.pt").write_bytes(content)

    with pytest.raises(ModelLoadError, match=said) as caught:
        loaded(tmp_path)
    assert caught.value.reason == Reason.ModelCorrupt


def test_what_is_missing_or_too_much_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelLoadError, match=r"looked for model\.pt2.*found model\."):
        loaded(tmp_path)
    with pytest.raises(ModelLoadError, match=r"model\.onnx is no PyTorch model"):
        loaded(tmp_path / "model.onnx")
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelLoadError, match=r"2 PyTorch models .*: a\.pt, b\.pt"):
        loaded(tmp_path)


def test_an_archive_of_something_else_is_named(models: Models) -> None:
    path = mar(models.folder / "m.pt", models.script(name="a.pt"), "x")
    cut = path.read_bytes().replace(b"MAR-INF/MANIFEST.json", b"MAR-INF/manifest.json")
    path.write_bytes(cut)

    with pytest.raises(ModelLoadError, match=r"neither data\.pkl nor an exported"):
        find(path)


def test_no_broken_file_ends_the_process(models: Models) -> None:
    files = [
        models.script(),
        models.exported(),
        models.saved({"a": 1.5}),
        models.saved({}, "old.pth", _use_new_zipfile_serialization=False),
    ]

    done = subprocess.run(
        [sys.executable, "-c", FUZZ, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.stdout.strip() == "survived", done.stderr[-2000:]
