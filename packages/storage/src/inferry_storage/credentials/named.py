"""The ladder of a backend that has none of its own: its names, looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import Credentials
from inferry_storage.credentials.places import ca_bundle, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.storage import Lookup, Source


def find(source: Source, lookup: Lookup, keys: Sequence[str]) -> Credentials:
    """Return the values of *keys* from the first place that has any of them."""
    extra = ca_bundle({}, lookup)
    if lookup.anonymous:
        return Credentials(rung="anonymous", detail="asked for", values=extra)
    for place in places(source, lookup):
        if values := place.taken(*keys):
            detail = place.what
            if place.step == "environment":
                detail = ", ".join(values)
            return Credentials(
                rung=place.step, detail=detail, values={**extra, **values}
            )
    return Credentials(rung="none", detail=f"none of {', '.join(keys)}", values=extra)
