"""What `inferry run` was told to serve, read again whenever a file changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from inferry.api import load
from inferry_local._anchors import anchored_document
from inferry_local.quick import SUFFIXES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Collection

    from watchfiles import Change

    from inferry.api import Document, Located, Problem
    from inferry_local.quick import QuickTarget

_YAML = frozenset({".yaml", ".yml", ".json"})
#: Editors write a file in several steps within some milliseconds: wait for the last.
_DEBOUNCE_MS = 200
_STEP_MS = 50

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All targets as they are now; with ``errors`` there are no documents."""

    documents: tuple[Document, ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def models(self) -> frozenset[Key]:
        """Namespace and name of every TrainedModel."""
        return frozenset(
            (document.metadata.namespace, document.metadata.name)
            for document in self.documents
            if document.kind == "TrainedModel"
        )

    @property
    def services(self) -> frozenset[Key]:
        """Namespace and name of every InferenceService."""
        return frozenset(
            (document.metadata.namespace, document.metadata.name)
            for document in self.documents
            if document.kind == "InferenceService"
        )


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The YAML files, folders and classes that were named on the command line."""

    paths: tuple[Path, ...] = ()
    quick: tuple[QuickTarget, ...] = ()
    namespace: str = "default"

    def read(self) -> Reading:
        """Read and validate everything; finds all problems."""
        loaded = load(self.paths) if self.paths else None
        errors = list(loaded.errors) if loaded else []
        for target in self.quick:
            errors += target.problems()
        warnings = tuple(loaded.warnings) if loaded else ()
        if errors:
            return Reading(errors=tuple(errors), warnings=warnings)
        documents = [self._document(one) for one in loaded.documents] if loaded else []
        documents += [target.document() for target in self.quick]
        return Reading(documents=tuple(documents), warnings=warnings)

    async def edits(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Yield after every edit of a file that matters, until *stop* is set."""
        from watchfiles import awatch

        folders = self.folders()
        if not folders:
            return
        async for _changes in awatch(
            *folders,
            watch_filter=self._matters,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=stop,
            recursive=False,
        ):
            yield

    def folders(self) -> list[Path]:
        """Return the folders to watch; a file is watched through its folder.

        Editors replace files rather than write into them, which a watch on the file
        itself would not survive.
        """
        found = [path if path.is_dir() else path.parent for path in self._files()]
        for target in self.quick:
            found += target.folders()
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]

    def _document(self, located: Located) -> Document:
        """Anchor the paths; a document that names no namespace gets the run's."""
        document = anchored_document(located)
        metadata = document.metadata
        if metadata.namespace == "default":
            metadata = replace(metadata, namespace=self.namespace)
        return replace(document, metadata=metadata)

    def _files(self) -> list[Path]:
        return [path.absolute() for path in self.paths if str(path) != "-"]

    def _matters(self, _change: Change, name: str) -> bool:
        path = Path(name)
        if path.name.startswith("."):
            return False
        for target in self._files():
            if path == target:
                return True
            if path.parent == target and path.suffix in _YAML and target.is_dir():
                return True
        return path.suffix in SUFFIXES and any(
            path.is_relative_to(target.folder) for target in self.quick
        )


def removed(before: Collection[Key], now: frozenset[Key]) -> list[Key]:
    """Return the services that the files no longer hold."""
    return sorted(set(before) - now)
