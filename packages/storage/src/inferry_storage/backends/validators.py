"""ETag and Last-Modified: whether a file is still the one that was resolved."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# A date has seconds: a file may change twice within one, but not long before the
# answer was given (RFC 9110, section 8.8.2.2).
_SETTLED_SECONDS = 60


class Validators(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of the state of a file; empty where it says nothing."""

    etag: str = ""
    modified: str = ""
    settled: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validators:
        """Read the headers of an answer."""
        modified = headers.get("last-modified", "")
        return cls(
            etag=headers.get("etag", ""),
            modified=modified,
            settled=_settled(modified, headers.get("date", "")),
        )

    @property
    def strong(self) -> str | None:
        """What says that two answers are of the same bytes, None without such."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return f"modified {self.modified}" if self.settled else None

    @property
    def any(self) -> str:
        """What says that the file is probably the same; empty without such."""
        return self.etag or self.modified

    def conditions(self) -> dict[str, str]:
        """Return the headers that make a server refuse parts of another file."""
        if self.etag and not self.etag.startswith("W/"):
            return {"If-Match": self.etag}
        return {"If-Unmodified-Since": self.modified} if self.modified else {}

    def differ(self, headers: Mapping[str, str]) -> bool:
        """Say whether the *headers* of a later answer are of another file."""
        etag = headers.get("etag", "")
        if self.etag and etag:
            return etag.removeprefix("W/") != self.etag.removeprefix("W/")
        modified = headers.get("last-modified", "")
        return bool(self.modified and modified and modified != self.modified)


def _settled(modified: str, date: str) -> bool:
    try:
        age = parsedate_to_datetime(date) - parsedate_to_datetime(modified)
    except (TypeError, ValueError):
        return False
    return age.total_seconds() >= _SETTLED_SECONDS
