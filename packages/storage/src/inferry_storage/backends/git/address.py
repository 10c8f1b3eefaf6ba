"""What the URI of a git repository names."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from inferry.storage import InvalidUri, shown_uri

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """*path* in the repository at *url*, at *revision*: a commit, or a name to pin."""

    url: str
    revision: str = ""
    path: str = ""
    user: str = ""

    @property
    def commit(self) -> str:
        """The commit in full, empty where the revision is none."""
        return self.revision if _COMMIT.fullmatch(self.revision) else ""


def parse(uri: str) -> Address:
    """Read ``git+https://host/repo.git@commit#folder``, or the same from ``https://``.

    Raises:
        InvalidUri: It is not of this form.

    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        place = parts.netloc.rpartition("@")[2]
        _ = parts.port
    except ValueError:
        raise _malformed(uri) from None
    scheme = parts.scheme.lower().removeprefix("git+")
    if scheme == "git":
        raise InvalidUri(
            f"{shown_uri(uri)}: git:// is not encrypted: "
            "anybody on the way can change the model",
            remedy="write git+https://",
        )
    repository, mark, revision = parts.path.partition("@")
    revision, repository = unquote(revision), repository.rstrip("/")
    if (mark and not _REF.fullmatch(revision)) or parts.query:
        raise _malformed(uri)
    if not host or not repository.strip("/") or ".git/" in repository:
        raise _malformed(uri)
    return Address(
        url=urlunsplit((scheme, place, repository, "", "")),
        revision=revision,
        path=_inside(uri, unquote(parts.fragment)),
        user=unquote(parts.username or ""),
    )


def _inside(uri: str, fragment: str) -> str:
    """Return the folder that ``#folder``, or pip's ``#subdirectory=folder``, names."""
    path = fragment.removeprefix("subdirectory=").strip("/")
    if any(part in {"", ".", "..", ".git"} for part in path.split("/") if path):
        raise _malformed(uri)
    return path


def _malformed(uri: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} is not the address of a git repository",
        remedy="write https://HOST/REPOSITORY.git@COMMIT, "
        "and #FOLDER after it for a part",
    )
