"""How far a fetch is, from the last lines that its init container wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Line(msgspec.Struct):
    """A line of `inferry_storage`, as far as it is read."""

    event: str = ""
    phase: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None


_DECODER = msgspec.json.Decoder(_Line)


def fetched_share(lines: Iterable[bytes | str]) -> float | None:
    """Return the share that is fetched, as the last of *lines* tells that does.

    None where none does: another program fetches, or the store tells no sizes.
    """
    for line in reversed(list(lines)):
        try:
            found = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeError):
            continue
        if found.event == "done":
            return 1.0
        if found.event == "progress" and found.total_bytes:
            return min(1.0, round(found.done_bytes / found.total_bytes, 2))
    return None
