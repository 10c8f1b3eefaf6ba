"""Code in models: found without running any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

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
    if trusted or is_trusted(uri, policy.trust):
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
            f'["{shown_uri(uri)}"]'
        ),
    )


def is_trusted(uri: str, trust: tuple[str, ...]) -> bool:
    """Say whether *uri* begins with one of *trust*, up to the end of a part."""
    if ".." in unquote(unquote(uri)).replace("\\", "/").split("/"):
        return False
    return any(_begins(uri, start) for start in trust)


def _begins(uri: str, start: str) -> bool:
    scheme, colon, rest = uri.partition("://")
    wanted, also, beginning = start.partition("://")
    if scheme.lower() != wanted.lower() or not (colon and also):
        return False
    if not rest.startswith(beginning):
        return False
    after = rest[len(beginning) :]
    # Behind a host, "@" and ":" would make it another host; behind a path they begin
    # the revision or the tag of a model.
    ends = "/?#@:" if "/" in beginning else "/?#"
    return not after or not beginning or beginning.endswith("/") or after[0] in ends


def _code(folder: Path, path: str) -> str:
    with (folder / path).open("rb") as file:
        return contents.code_in(file, path)
