"""Bring a revision's model to this machine, as one path."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Secret, Source
    from inferry_local.records import RevisionRecord
    from inferry_storage import Progress

MOUNT = PurePosixPath("/mnt/models")
_MIB = 2**20
_PHASES = {
    "resolving": "asking what the model is",
    "planning": "looking for room for the model",
    "waiting": "waiting for another process that fetches the model",
    "verifying": "verifying the model",
    "unpacking": "unpacking the model",
    "publishing": "putting the model in its place",
}


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """How far a revision's fetch is: a share of all, None if unknown, and words."""

    share: float | None = None
    text: str = ""


class Fetcher:
    """Fetches with the plugins and settings of one session; trees go below *folder*."""

    def __init__(self, plugins: Plugins, settings: Settings, folder: Path) -> None:
        self._plugins = plugins
        self._settings = settings
        self._folder = folder

    async def fetch(
        self,
        revision: RevisionRecord,
        tell: Callable[[Fetching], None],
        secrets: Sequence[Secret] = (),
    ) -> Path:
        """Return the path that the model loads from, kept until `release`.

        One source is used where it is; several are linked into one tree, as their mount
        paths say. *secrets* are those of the service's namespace.

        Raises:
            StorageError: A source cannot be had, with a reason and a remedy.

        """
        from inferry_storage import fetch

        sources = revision.predictor.sources
        paths: list[Path] = []
        for index, source in enumerate(sources):
            path = await fetch(
                source,
                plugins=self._plugins,
                settings=self._settings,
                on_progress=_told(tell, index, len(sources)),
                secrets=secrets,
            )
            revision.held.append(path)
            paths.append(path)
        if len(paths) == 1 and _below(sources[0]) == PurePosixPath():
            return paths[0]
        return self._tree(revision.application, sources, paths)

    def release(self, revision: RevisionRecord) -> None:
        """Let go of what was fetched for *revision*, so that it may be cleaned up."""
        from inferry_storage.fetching import release

        while revision.held:
            release(revision.held.pop())

    def _tree(
        self, name: str, sources: Sequence[Source], paths: Sequence[Path]
    ) -> Path:
        tree = self._folder / name
        tree.mkdir(parents=True, exist_ok=True)
        # A source for the root of the tree gives its entries, so it is laid out last.
        for source, path in sorted(
            zip(sources, paths, strict=True),
            key=lambda each: -len(_below(each[0]).parts),
        ):
            _link(tree, _below(source), path)
        return tree


def _told(
    tell: Callable[[Fetching], None], index: int, count: int
) -> Callable[[Progress], None]:
    """Return what tells the progress of source *index* as that of *count* sources."""

    def on_progress(progress: Progress) -> None:
        share = None
        if progress.total_bytes:
            done = progress.done_bytes / progress.total_bytes
            share = (index + done) / count
        tell(Fetching(share=share, text=words(progress)))

    return on_progress


def words(progress: Progress) -> str:
    """Say what is done now, with bytes and rate while there are any."""
    if progress.phase != "fetching":
        return _PHASES.get(progress.phase, progress.phase)
    text = f"fetching the model: {progress.done_bytes / _MIB:.1f}"
    if progress.total_bytes is not None:
        text += f" of {progress.total_bytes / _MIB:.1f}"
    text += " MiB"
    if progress.rate_bytes:
        text += f", {progress.rate_bytes / _MIB:.1f} MiB/s"
    if progress.retries:
        again = "retry" if progress.retries == 1 else "retries"
        text += f", {progress.retries} {again}"
    return text


def _below(source: Source) -> PurePosixPath:
    """Return the mount path below /mnt/models; planning refuses other places."""
    path = PurePosixPath(source.mount_path)
    return path.relative_to(MOUNT) if path.is_relative_to(MOUNT) else PurePosixPath()


def _link(tree: Path, below: PurePosixPath, path: Path) -> None:
    if below != PurePosixPath():
        target = tree.joinpath(*below.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
        return
    entries = sorted(path.iterdir()) if path.is_dir() else [path]
    for entry in entries:
        if not (tree / entry.name).exists():
            (tree / entry.name).symlink_to(entry)
