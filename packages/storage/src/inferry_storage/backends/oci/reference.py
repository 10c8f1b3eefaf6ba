"""What ``oci://registry/repository:tag@digest`` names."""

from __future__ import annotations

import re

import msgspec

from inferry.storage import InvalidUri, shown_uri

_HUB = "docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
# The grammar of the distribution specification (1.1, "Pulling manifests").
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?=.{{1,255}}\Z){_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """One image or artifact: where it is, and its tag or digest."""

    uri: str
    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def of(cls, uri: str) -> Reference:
        """Read *uri*, whatever way of mounting its scheme asks of a cluster.

        A name without a registry is Docker Hub's, as for every other tool.

        Raises:
            InvalidUri: It is not the name of an image.

        """
        name = uri.partition("://")[2]
        if set(name) & set("?#"):
            raise _invalid(uri, "an image has neither query nor fragment")
        name, at, digest = name.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _invalid(uri, "what follows @ is not sha256: and its digits")
        host, path = _split(name)
        repository, colon, tag = path.partition(":")
        if host == _HUB and "/" not in repository:
            repository = f"library/{repository}"
        if not _HOST.fullmatch(host):
            raise _invalid(uri, "what comes first is not the name of a registry")
        if not _REPOSITORY.fullmatch(repository):
            raise _invalid(uri, "a repository has lower-case letters and digits")
        if colon and not _TAG.fullmatch(tag):
            raise _invalid(uri, "what follows the last : is not a tag")
        if not tag and not digest:
            tag = "latest"
        return cls(uri=uri, host=host, repository=repository, tag=tag, digest=digest)

    @property
    def version(self) -> str:
        """What to ask the registry for: the digest where there is one."""
        return self.digest or self.tag

    @property
    def address(self) -> str:
        """Return host and port of the registry's server."""
        return "registry-1.docker.io" if self.host == _HUB else self.host


def is_digest(text: str) -> bool:
    """Say whether *text* is a digest that can be checked."""
    return bool(_DIGEST.fullmatch(text))


def is_tag(text: str) -> bool:
    """Say whether *text* can be a tag, and so may be shown."""
    return bool(_TAG.fullmatch(text))


def _split(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ({".", ":", "["} & set(first) or first == "localhost"):
        return (_HUB if first in _HUB_NAMES else first), rest
    return _HUB, name


def _invalid(uri: str, why: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} is not the name of an image: {why}",
        remedy="write it as oci://registry.example/team/model:tag",
    )
