"""Targets are read again after an edit of a file that matters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from inferry_local.quick import parse
from inferry_local.watch import Targets, removed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class Edits:
    """Counts what `Targets.edits` yields, in the background."""

    def __init__(self, targets: Targets) -> None:
        self.count = 0
        self.stop = asyncio.Event()
        self._task = asyncio.create_task(self._watch(targets))

    async def _watch(self, targets: Targets) -> None:
        async for _ in targets.edits(self.stop):
            self.count += 1

    async def wait(self) -> None:
        before = self.count
        async with asyncio.timeout(5):
            while self.count == before:  # noqa: ASYNC110 - the watcher has no event
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.stop.set()
        await self._task


@pytest.fixture
async def watching() -> AsyncIterator[Callable[[Targets], Edits]]:
    made: list[Edits] = []

    def watch(targets: Targets) -> Edits:
        made.append(Edits(targets))
        return made[-1]

    yield watch
    for edits in made:
        await edits.end()


def test_reading_gives_documents_with_their_paths_made_absolute(
    write_service: Callable[..., Path],
) -> None:
    file = write_service("iris")

    reading = Targets(paths=(file,)).read()

    assert reading.errors == ()
    assert reading.services == {("default", "iris")}
    model = reading.documents[0].spec.predictor.model
    assert model.storage_uri == str(file.parent / "model.onnx")


def test_a_namespace_is_given_to_what_names_none(
    write_service: Callable[..., Path],
) -> None:
    reading = Targets(paths=(write_service("iris"),), namespace="team").read()

    assert reading.services == {("team", "iris")}


def test_all_problems_of_all_targets_are_found(
    write_service: Callable[..., Path], tmp_path: Path
) -> None:
    bad = write_service("x", text="kind: Nothing\n")
    missing = tmp_path / "missing.yaml"
    quick = parse(f"{tmp_path}/model.py:MyModel")
    assert quick is not None

    reading = Targets(paths=(bad, missing), quick=(quick,)).read()

    files = {problem.file for problem in reading.errors}
    assert files == {str(bad), str(missing), str(quick.file)}
    assert reading.documents == ()


async def test_an_edit_of_a_file_is_seen(
    watching: Callable[[Targets], Edits], write_service: Callable[..., Path]
) -> None:
    file = write_service("iris")
    edits = watching(Targets(paths=(file,)))
    await asyncio.sleep(0.3)

    file.write_text("# changed")
    await edits.wait()


async def test_a_file_that_is_replaced_is_still_watched(
    watching: Callable[[Targets], Edits], write_service: Callable[..., Path]
) -> None:
    file = write_service("iris")
    edits = watching(Targets(paths=(file,)))
    await asyncio.sleep(0.3)

    for text in ("# one", "# two"):
        other = file.with_name("service.yaml~")
        other.write_text(text)
        other.replace(file)
        await edits.wait()


async def test_other_files_beside_it_do_not_matter(
    watching: Callable[[Targets], Edits], write_service: Callable[..., Path]
) -> None:
    file = write_service("iris")
    edits = watching(Targets(paths=(file,)))
    await asyncio.sleep(0.3)

    (file.parent / "notes.yaml").write_text("x")
    await asyncio.sleep(0.6)

    assert edits.count == 0


async def test_a_new_file_in_a_folder_matters(
    watching: Callable[[Targets], Edits], tmp_path: Path
) -> None:
    folder = tmp_path / "services"
    folder.mkdir()
    edits = watching(Targets(paths=(folder,)))
    await asyncio.sleep(0.3)

    (folder / "new.yaml").write_text("x")
    await edits.wait()


async def test_an_edit_of_a_quick_targets_code_matters(
    watching: Callable[[Targets], Edits], tmp_path: Path
) -> None:
    package = tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").touch()
    quick = parse(f"{tmp_path}/model.py:MyModel")
    assert quick is not None
    edits = watching(Targets(quick=(quick,)))
    await asyncio.sleep(0.3)

    (package / "tools.py").write_text("x")
    await edits.wait()


async def test_stdin_is_not_watched() -> None:
    from pathlib import Path

    targets = Targets(paths=(Path("-"),))

    assert [edit async for edit in targets.edits(asyncio.Event())] == []


def test_removed_are_those_that_are_gone() -> None:
    before = {("a", "x"), ("a", "y")}

    assert removed(before, frozenset({("a", "y"), ("a", "z")})) == [("a", "x")]
