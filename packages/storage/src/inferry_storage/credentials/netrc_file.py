"""``~/.netrc``: users and passwords of machines, as curl and git read it."""

from __future__ import annotations

import netrc
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import Unauthenticated
from inferry_storage.credentials.files import read_text
from inferry_storage.credentials.places import environment

if TYPE_CHECKING:
    from inferry.storage import Lookup


def find(host: str, lookup: Lookup) -> tuple[str, str, str] | None:
    """Return user and password for *host*, and the file that has them.

    Raises:
        Unauthenticated: The file is broken.

    """
    path = _path(lookup)
    if path is None or not path.is_file():
        return None
    # Read within the limit first, so that a device or a huge file does no harm.
    read_text(path, step="developer")
    try:
        found = netrc.netrc(str(path)).authenticators(host)
    except (netrc.NetrcParseError, OSError):
        raise Unauthenticated(
            f"{path} is no netrc file",
            rung="developer",
            remedy="write lines such as: machine HOST login USER password PASSWORD",
        ) from None
    return (found[0], found[2], str(path)) if found else None


def _path(lookup: Lookup) -> Path | None:
    if given := environment(lookup).get("NETRC"):
        return Path(given)
    return lookup.home / ".netrc" if lookup.home else None
