"""The ladder of the Hugging Face Hub.

Values: ``HF_TOKEN``, and of the environment alone ``HF_ENDPOINT`` and
``HF_HUB_OFFLINE``: a Secret could otherwise send this machine's token elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import Credentials
from inferry.storage._secrets import KEYS
from inferry_storage.credentials.files import read_text
from inferry_storage.credentials.places import ca_bundle, environment, is_true, places

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

_TOKENS = ("HF_TOKEN", *KEYS["HF_TOKEN"])


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return the token that reads the repository of *source*; public ones need none.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    env = environment(lookup)
    extra = {**env.taken("HF_ENDPOINT", "HF_HUB_OFFLINE"), **ca_bundle({}, lookup)}
    found = _token(source, lookup)
    return Credentials(
        rung=found.rung, detail=found.detail, values={**extra, **found.values}
    )


def _token(source: Source, lookup: Lookup) -> Credentials:
    if lookup.anonymous:
        return Credentials(rung="anonymous", detail="asked for")
    for place in places(source, lookup):
        if token := place.get(*_TOKENS):
            detail = "HF_TOKEN" if place.step == "environment" else place.what
            return Credentials(
                rung=place.step, detail=detail, values={"HF_TOKEN": token}
            )
    env = environment(lookup)
    path = _file(lookup)
    implicit = not is_true(env.get("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
    if path is not None and implicit and path.is_file():
        token = read_text(path, step="developer").strip()
        if token:
            return Credentials(
                rung="developer", detail=str(path), values={"HF_TOKEN": token}
            )
    return Credentials(rung="none", detail="public repositories need no token")


def _file(lookup: Lookup) -> Path | None:
    """Return where ``hf auth login`` keeps the token."""
    env = environment(lookup)
    if given := env.get("HF_TOKEN_PATH"):
        return Path(given)
    if home := env.get("HF_HOME"):
        return Path(home) / "token"
    if cache := env.get("XDG_CACHE_HOME"):
        return Path(cache) / "huggingface" / "token"
    return lookup.home / ".cache" / "huggingface" / "token" if lookup.home else None
