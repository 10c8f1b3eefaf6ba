"""Which files of a snapshot are wanted: the allow and ignore patterns."""

from __future__ import annotations

import json
import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import EmptyModel, shown_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.storage import Snapshot
    from inferry_storage.policy import Policy

#: KServe's names of the two lists.
ALLOW = "STORAGE_ALLOW_PATTERNS"
IGNORE = "STORAGE_IGNORE_PATTERNS"
_SHOWN = 5


class Patterns(msgspec.Struct, frozen=True, kw_only=True):
    """Files that match one of *allow*, of all if there is none, and none of *ignore*.

    A pattern is a shell's (`fnmatch`); its ``*`` also matches ``/``, as KServe's does.
    """

    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, policy: Policy, environ: Mapping[str, str] = os.environ) -> Patterns:
        """Take the settings, and KServe's variables where a setting is empty."""
        return cls(
            allow=policy.allow_patterns or _listed(environ.get(ALLOW, "")),
            ignore=policy.ignore_patterns or _listed(environ.get(IGNORE, "")),
        )

    def select(self, snapshot: Snapshot) -> Snapshot:
        """Return *snapshot* with the wanted files alone.

        Raises:
            EmptyModel: It has none.

        """
        if not snapshot.entries:
            raise EmptyModel(
                f"{shown_uri(snapshot.uri)} holds no files",
                remedy="upload the model there, or correct the URI",
            )
        if not self.allow and not self.ignore:
            return snapshot
        wanted = tuple(each for each in snapshot.entries if self.wants(each.path))
        if not wanted:
            raise self._nothing_left(snapshot)
        return msgspec.structs.replace(snapshot, entries=wanted)

    def wants(self, path: str) -> bool:
        """Say whether the file *path* is wanted."""
        if self.allow and not _matches(path, self.allow):
            return False
        return not _matches(path, self.ignore)

    def _nothing_left(self, snapshot: Snapshot) -> EmptyModel:
        paths = [each.path for each in snapshot.entries[:_SHOWN]]
        more = " …" if len(snapshot.entries) > _SHOWN else ""
        return EmptyModel(
            f"the patterns let no file of {shown_uri(snapshot.uri)} through: "
            f"allow {list(self.allow)}, ignore {list(self.ignore)}",
            remedy=f"it holds {', '.join(paths)}{more}",
        )


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, each) for each in patterns)


def _listed(text: str) -> tuple[str, ...]:
    """Read a JSON list, or words between commas."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        found = text.split(",")
    return tuple(word for each in found if (word := str(each).strip()))
