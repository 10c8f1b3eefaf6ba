"""What an ``hf://`` URI names."""

from __future__ import annotations

import re
from urllib.parse import unquote

import msgspec

from inferry.storage import InvalidUri, shown_uri

_KINDS = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
# Revisions of the hub's own that have slashes: refs/pr/3, refs/convert/parquet.
_REF = re.compile(r"refs/(?:pr|convert)/[^/]+")


class Repo(msgspec.Struct, frozen=True, kw_only=True):
    """What an ``hf://`` URI names: *path* in repository *name* at *revision*."""

    name: str
    kind: str = "models"
    revision: str = "main"
    path: str = ""

    def api(self, hub: str) -> str:
        """Return the address of its API at *hub*."""
        return f"{hub}/api/{self.kind}/{self.name}"

    def page(self, hub: str) -> str:
        """Return the address of its page at *hub*."""
        return f"{hub}/{_KINDS[self.kind]}{self.name}"


def parse(uri: str) -> Repo:
    """Read ``hf://owner/model[:revision|@revision][/path]``.

    ``hf://datasets/owner/name`` is a data set, ``hf://spaces/owner/name`` a space.

    Raises:
        InvalidUri: It is not of this form.

    """
    rest = uri.partition("://")[2]
    parts = [unquote(part) for part in rest.rstrip("/").split("/")]
    kind = "models"
    if parts[0] in _KINDS and len(parts) > 2:  # noqa: PLR2004 - kind, owner, name
        kind = parts.pop(0)
    if len(parts) < 2 or "?" in rest or "#" in rest:  # noqa: PLR2004 - owner, name
        raise _malformed(uri)
    owner, (name, mark, revision) = parts[0], _split(parts[1])
    path = "/".join(parts[2:])
    if revision == "refs" and (ref := _REF.match(f"refs/{path}")):
        revision, path = ref[0], path[len(ref[0]) - len("refs/") :].lstrip("/")
    if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)) or (
        mark and not revision
    ):
        raise _malformed(uri)
    if any(part in {"", ".", ".."} for part in path.split("/") if path):
        raise _malformed(uri)
    return Repo(
        name=f"{owner}/{name}", kind=kind, revision=revision or "main", path=path
    )


def _split(text: str) -> tuple[str, str, str]:
    """Split ``model:revision`` or ``model@revision``."""
    found = re.search("[:@]", text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


def _malformed(uri: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} is not an address of the Hugging Face Hub",
        remedy="write hf://OWNER/MODEL, hf://OWNER/MODEL@REVISION, "
        "or either with /PATH after it",
    )
