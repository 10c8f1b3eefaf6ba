"""Whoever follows the page about trust is refused and let in as it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reader import blocks
from storage.blobs import Blob
from storage.pulling import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.origin import Origin

PAGE = "docs/how-to/trust-a-model.md"
EVIL = b"cos\nsystem\n(S'true'\ntR."


@dataclass(frozen=True)
class Raw(Blob):
    """Bytes as they are."""

    data: bytes = b""

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        yield memoryview(self.data)[start:stop]


def raw(data: bytes) -> Raw:
    return Raw(size=len(data), seed=zlib.crc32(data), data=data)


@pytest.fixture
def reader(origin: Origin, tmp_path: Path) -> dict[str, str]:
    """Return the environment of somebody with a model, and another in a store."""
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "iris.onnx").write_bytes(bytes(2000))
    (tmp_path / "iris" / ".gitattributes").write_bytes(b"*.onnx lfs")
    origin.blobs["models/pickled/model.pkl"] = raw(EVIL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return surroundings(tmp_path / "home", origin.url, PATH=path)


def upload(folder: Path, origin: Origin) -> None:
    for path in folder.iterdir():
        origin.blobs[f"models/iris/{path.name}"] = raw(path.read_bytes())


def run(
    text: str, environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_block_does_what_the_page_says(
    reader: dict[str, str], origin: Origin, tmp_path: Path
) -> None:
    found = blocks(PAGE)
    said = next(each.text for each in found if each.language == "text")
    tried = 0
    for block in found:
        if block.language == "toml":
            (tmp_path / block.file).write_text(block.text)
        if block.language != "sh":
            continue
        tried += 1
        done = run(block.text, reader, tmp_path)
        if block.file == "refused":
            assert done.returncode == 6
            assert said.strip() in done.stderr
            assert not (tmp_path / "pickled").exists()
        else:
            assert done.returncode == 0, f"{block.text}\n{done.stderr}"
        upload(tmp_path / "iris", origin)
    assert tried == 4
    served = {path.name for path in (tmp_path / "served").iterdir()}
    assert served >= {"iris.onnx", "model.sig"}
    assert ".gitattributes" not in served
    assert (tmp_path / "pickled" / "model.pkl").read_bytes() == EVIL


def test_what_is_refused_says_so(
    reader: dict[str, str], origin: Origin, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / PAGE).read_text()
    lines = page.partition("how it says so")[2].splitlines()
    rows = [line.split("|")[2:4] for line in lines if line.startswith("| ")][1:]
    pull = "inferry storage pull s3://models/iris ./served"
    made = [block.text for block in blocks(PAGE) if "openssl" in block.text]
    run(made[0], reader, tmp_path)
    asked = {
        "INFERRY_STORAGE__REQUIRE": "signature",
        "INFERRY_STORAGE__SIGNATURE_KEY": "ours.pub",
    }
    link = "ln -s /etc link && tar -cf link.tar link"
    assert run(link, reader, tmp_path).returncode == 0
    clash = {"models/iris/Model": raw(b"1"), "models/iris/model": raw(b"2")}
    archive = raw((tmp_path / "link.tar").read_bytes())
    upload(tmp_path / "iris", origin)
    signed = dict(origin.blobs)
    changed = {**signed, "models/iris/iris.onnx": raw(b"other")}
    unsigned = {k: v for k, v in signed.items() if not k.endswith(".sig")}
    cases = [
        ({"models/iris/model.pkl": raw(EVIL)}, {}, pull),
        (clash, {}, pull),
        ({"models/iris/m.tar": archive}, {}, f"{pull} --unpack"),
        (changed, asked, pull),
        (unsigned, asked, pull),
    ]
    for (printed, code), (blobs, more, command) in zip(rows, cases, strict=True):
        origin.blobs = blobs
        shutil.rmtree(tmp_path / "home" / "cache", ignore_errors=True)
        done = run(command, {**reader, **more}, tmp_path)
        assert done.returncode == int(code), f"{printed}\n{done.stderr}"
        wanted = printed.strip(" `").partition("…")[0]
        assert wanted in done.stderr, f"{printed}\n{done.stderr}"
        assert not (tmp_path / "served").exists()
