"""Which storage backends read a URI: one rule for planning and for fetching."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.storage import uri_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.plugins._collect import Provided
    from inferry.plugins._descriptors import StorageBackend


def backends_for(
    uri: str, backends: Sequence[Provided[StorageBackend]]
) -> tuple[Provided[StorageBackend], ...]:
    """Return the *backends* that read *uri*: one, none, or those that tie.

    The longest ``uri_patterns`` entry that matches from the start wins; where none
    matches, the scheme decides.
    """
    found = [
        (len(pattern), each)
        for each in backends
        for pattern in each.descriptor.uri_patterns
        if re.match(pattern, uri)
    ]
    if not found:
        kind = uri_scheme(uri)
        return tuple(each for each in backends if kind in each.descriptor.schemes)
    longest = max(length for length, _ in found)
    winners = {
        each.descriptor.name: each for length, each in found if length == longest
    }
    return tuple(winners.values())
