"""Local paths are bound where they are, or the error says what is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from inferry.errors import StorageError
from inferry.storage import Access, Entry, LocalPath, Source
from inferry.testing import StorageTests
from inferry_storage.backends.file import FileStorage, local_path

if TYPE_CHECKING:
    from pathlib import Path


class TestFileStorage(StorageTests):
    client = FileStorage

    @pytest.fixture
    def source(self, tmp_path: Path) -> str:
        for name, data in self.tree.items():
            path = tmp_path / "model" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return str(tmp_path / "model")


async def resolved(uri: str) -> Path:
    found = await FileStorage(Access()).resolve(Source(uri=uri))
    assert found == LocalPath(uri=uri, path=found.path)
    return found.path


async def test_a_file_and_a_folder_are_bound(tmp_path: Path) -> None:
    file = tmp_path / "größe 1.onnx"
    file.touch()

    assert await resolved(str(file)) == file
    assert await resolved(str(tmp_path)) == tmp_path
    assert await resolved(file.as_uri()) == file
    assert await resolved(f"file://localhost{tmp_path}") == tmp_path


async def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").touch()
    monkeypatch.chdir(tmp_path)

    assert await resolved("./model.onnx") == tmp_path / "model.onnx"


@pytest.mark.parametrize("uri", ["a", "file:a", "file://./a", "file://./b/../a", "./a"])
async def test_what_is_relative_starts_at_the_working_directory(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").touch()
    monkeypatch.chdir(tmp_path)

    assert (await resolved(uri)).samefile(tmp_path / "a")


@pytest.mark.parametrize("name", ["a#1", "a?b", "a b%41", "[x"])
async def test_every_name_may_stand_in_a_uri(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()

    assert await resolved(str(path)) == path
    assert await resolved(path.as_uri()) == path
    if "%" not in name:
        assert await resolved(f"file://{path}") == path


async def test_a_link_of_the_user_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model.onnx").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    assert await resolved(str(tmp_path / "link")) == tmp_path / "link"


async def test_what_is_missing_is_named_with_what_is_like_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()

    with pytest.raises(StorageError, match=f"did you mean {tmp_path}/models") as caught:
        await resolved(str(tmp_path / "model" / "a.onnx"))

    assert caught.value.reason == "StorageNotFound"


async def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(StorageError, match=f"{tmp_path} holds a$"):
        await resolved(str(tmp_path / "something-else"))


async def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is empty"):
        await resolved(str(tmp_path))


async def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StorageError, match="neither a file nor a folder"):
        await resolved(str(tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").touch(mode=0)

    with pytest.raises(StorageError, match="may not be read") as caught:
        await resolved(str(tmp_path / "model"))

    assert caught.value.reason == "StorageAccessDenied"


async def test_a_link_to_nothing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")

    with pytest.raises(StorageError, match="link does not exist"):
        await resolved(str(tmp_path / "link"))


@pytest.mark.parametrize("uri", ["file://models/a", "", "file:", "a\0b", "~no-user/a"])
async def test_what_names_no_local_path_is_refused(uri: str) -> None:
    with pytest.raises(StorageError):
        await resolved(uri)


async def test_there_is_nothing_to_read() -> None:
    with pytest.raises(StorageError, match="is local"):
        FileStorage(Access()).read(Entry(path="a"), 0, None)


def test_a_path_may_begin_at_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local_path("~/models/iris") == tmp_path / "models" / "iris"
