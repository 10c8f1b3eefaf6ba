"""Code in models: found without running any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import UnsafeFormat, shown_uri
from inferry_storage.checking import contents
from inferry_storage.checking.walking import files_in

if TYPE_CHECKING:
    from pathlib import Path

    from inferry_storage.policy import Policy


def scan(folder: Path, uri: str, policy: Policy, *, trusted: bool = False) -> None:
    """Refuse a model that runs code when loaded, unless *uri* is trusted; it blocks.

    Raises:
        UnsafeFormat: Naming the first such file and what it runs.

    """
    if trusted or policy.trusts(uri):
        return
    found = [(path, code) for path in files_in(folder) if (code := _code(folder, path))]
    if not found:
        return
    path, code = found[0]
    more = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
    raise UnsafeFormat(
        f"{shown_uri(uri)}: {path!r} {code}{more}, and would run when it is loaded",
        remedy=(
            "store it in a format without code, leave it out with [storage] "
            "ignore_patterns, or, if you trust who writes there, set [storage] trust = "
            f'["{shown_uri(uri)}"], or let its service load pickles by '
            "--allowPickle=true where its runtime has that"
        ),
    )


def _code(folder: Path, path: str) -> str:
    with (folder / path).open("rb") as file:
        return contents.code_in(file, path)
