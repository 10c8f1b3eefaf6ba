"""Bring a revision's model to this machine, as one path."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Source
    from inferry_local.records import RevisionRecord
    from inferry_storage import Progress

MOUNT = PurePosixPath("/mnt/models")


class Fetcher:
    """Fetches with the plugins and settings of one session; trees go below *folder*."""

    def __init__(self, plugins: Plugins, settings: Settings, folder: Path) -> None:
        self._plugins = plugins
        self._settings = settings
        self._folder = folder

    async def fetch(
        self, revision: RevisionRecord, tell: Callable[[float | None], None]
    ) -> Path:
        """Return the path that the model loads from.

        One source is used where it is; several are linked into one tree, as their mount
        paths say.

        Raises:
            StorageError: A source cannot be had, with a reason and a remedy.

        """
        sources = revision.predictor.sources
        paths = [
            await self._one(source, index, len(sources), tell)
            for index, source in enumerate(sources)
        ]
        tree = self._folder / revision.application
        if len(paths) == 1 and _below(sources[0]) == PurePosixPath():
            return paths[0]
        tree.mkdir(parents=True, exist_ok=True)
        # A source for the root of the tree gives its entries, so it is laid out last.
        for source, path in sorted(
            zip(sources, paths, strict=True),
            key=lambda each: -len(_below(each[0]).parts),
        ):
            _link(tree, _below(source), path)
        return tree

    async def _one(
        self,
        source: Source,
        index: int,
        count: int,
        tell: Callable[[float | None], None],
    ) -> Path:
        from inferry_storage import fetch

        def on_progress(progress: Progress) -> None:
            if progress.total_bytes:
                tell((index + progress.done_bytes / progress.total_bytes) / count)
            else:
                tell(None)

        return await fetch(
            source,
            plugins=self._plugins,
            settings=self._settings,
            on_progress=on_progress,
        )


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
