"""A claim is a folder where the operator says so, and the error helps elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    EmptyModel,
    Entry,
    InvalidUri,
    LocalPath,
    NotAllowed,
    NotFound,
    Source,
    UnsafePath,
)
from inferry.testing import StorageTests
from inferry_storage.backends.pvc import PvcStorage, parse

if TYPE_CHECKING:
    from pathlib import Path


class TestPvcStorage(StorageTests):
    client = PvcStorage

    @pytest.fixture
    def source(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, data in self.tree.items():
            path = tmp_path / "claim" / "model" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        monkeypatch.setattr(type(self), "settings", {"volumes_dir": str(tmp_path)})
        return "pvc://claim/model"


async def resolved(uri: str, volumes: Path | None) -> Path:
    settings = {"volumes_dir": str(volumes)} if volumes else {}
    found = await PvcStorage(Access(settings=settings)).resolve(Source(uri=uri))
    assert found == LocalPath(uri=uri, path=found.path)
    return found.path


async def test_a_claim_is_a_folder_of_volumes_dir(tmp_path: Path) -> None:
    (tmp_path / "claim" / "a").mkdir(parents=True)
    (tmp_path / "claim" / "a" / "größe 1.onnx").touch()

    assert await resolved("pvc://claim", tmp_path) == tmp_path / "claim"
    assert await resolved("pvc://claim/a/", tmp_path) == tmp_path / "claim" / "a"
    file = tmp_path / "claim" / "a" / "größe 1.onnx"
    assert await resolved("pvc://claim/a/gr%C3%B6%C3%9Fe%201.onnx", tmp_path) == file


async def test_the_folder_may_be_a_link_but_nothing_leads_out_of_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "disk" / "model").mkdir(parents=True)
    (tmp_path / "disk" / "model" / "a").touch()
    (tmp_path / "disk" / "out").symlink_to("/etc")
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / "claim").symlink_to(tmp_path / "disk")

    assert (await resolved("pvc://claim/model", tmp_path / "volumes")).is_dir()
    with pytest.raises(UnsafePath, match="symbolic link"):
        await resolved("pvc://claim/out", tmp_path / "volumes")


async def test_without_volumes_it_says_where_there_are_some() -> None:
    with pytest.raises(NotAllowed, match="on Kubernetes alone") as caught:
        await resolved("pvc://claim/model", None)

    assert "volumes_dir" in caught.value.remedy


async def test_what_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder"):
        await resolved("pvc://claim/model", tmp_path)
    (tmp_path / "claim").mkdir()
    with pytest.raises(NotFound, match="model does not exist"):
        await resolved("pvc://claim/model", tmp_path)
    with pytest.raises(EmptyModel):
        await resolved("pvc://claim", tmp_path)


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("pvc://", InvalidUri),
        ("pvc:///model", InvalidUri),
        ("pvc://Claim/model", InvalidUri),
        ("pvc://../etc", InvalidUri),
        ("pvc://claim/../other", UnsafePath),
        ("pvc://claim/a/%2e%2e/%2e%2e/b", UnsafePath),
        ("pvc://claim/a%00", UnsafePath),
    ],
)
def test_what_names_no_volume_is_refused(uri: str, kind: type[StorageError]) -> None:
    with pytest.raises(kind):
        parse(uri)


def test_there_is_nothing_to_read() -> None:
    with pytest.raises(StorageError, match="is local"):
        PvcStorage(Access()).read(Entry(path="a"), 0, None)
