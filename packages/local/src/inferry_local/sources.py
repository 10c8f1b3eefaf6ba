"""Bring a revision's model to this machine, as one path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Secret
    from inferry_local.records import RevisionRecord
    from inferry_storage import Fetched, Progress

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
    """Fetches with the plugins and settings of one session."""

    def __init__(self, plugins: Plugins, settings: Settings) -> None:
        self._plugins = plugins
        self._settings = settings

    async def fetch(
        self,
        revision: RevisionRecord,
        tell: Callable[[Fetching], None],
        secrets: Sequence[Secret] = (),
        note: Callable[[str], None] = lambda _: None,
    ) -> Path:
        """Return the path that the model loads from, kept until `release`.

        One source is used where it is; several are linked into one tree, as their mount
        paths say. *secrets* are those of the service's namespace. *note* is told what
        each source is at the end.

        Raises:
            StorageError: A source cannot be had, with a reason and a remedy.

        """
        from inferry_storage import fetch_tree

        def fetched(one: Fetched) -> None:
            if said := outcome(one):
                note(said)

        sources = revision.predictor.sources
        path = await fetch_tree(
            sources,
            plugins=self._plugins,
            settings=self._settings,
            on_progress=_Telling(tell, len(sources)),
            on_fetched=fetched,
            secrets=secrets,
        )
        revision.held.append(path)
        return path

    def release(self, revision: RevisionRecord) -> None:
        """Let go of what was fetched for *revision*, so that it may be cleaned up."""
        from inferry_storage import release

        while revision.held:
            release(revision.held.pop())


class _Telling:
    """Tells the progress of one source after the other as that of all *count*."""

    def __init__(self, tell: Callable[[Fetching], None], count: int) -> None:
        self._tell = tell
        self._count = count
        self._seen: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        index = self._seen.setdefault(progress.uri, len(self._seen))
        share = None
        if progress.total_bytes:
            done = progress.done_bytes / progress.total_bytes
            share = min((index + done) / self._count, 1.0)
        self._tell(Fetching(share=share, text=words(progress)))


def outcome(fetched: Fetched) -> str:
    """Say how much of a source came, and how far its bytes were verified.

    Empty for a path of this machine, which is served as it is.
    """
    from inferry_storage.cli.words import amount

    if fetched.rung == "local":
        return ""
    how = "is in the cache" if fetched.cached else "was fetched"
    size = amount(fetched.bytes)
    return f"{fetched.uri} {how}: {size}, verified by {fetched.rung}"


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
