"""Which namenode and which path an ``hdfs://`` URI names, with KServe's secret keys."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from inferry.storage import InvalidUri, NotAllowed, shown_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = {"webhdfs": "http", "swebhdfs": "https"}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An absolute *path*, and where to ask for it: any of *namenodes*."""

    namenodes: tuple[str, ...]
    path: str
    user: str = ""


def parse(uri: str, values: Mapping[str, str]) -> Address:
    """Read *uri* with the credentials' HDFS_NAMENODE and HDFS_ROOTPATH.

    With a namenode of the credentials all that follows the ``//`` is the path, as in
    KServe: ``hdfs://user/me/model``, below HDFS_ROOTPATH where there is one. A host
    stands there as well if it is the namenode's. Without, the URI names the namenode:
    ``webhdfs://namenode:9870/user/me/model``, or ``swebhdfs://`` for https.

    Raises:
        InvalidUri: It names no namenode, or no path.
        NotAllowed: It names another namenode than the credentials.

    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _malformed(uri) from None
    if parts.query or parts.fragment or parts.password is not None:
        raise _malformed(uri)
    user = unquote(parts.username or "")
    namenodes = tuple(_urls(values.get("HDFS_NAMENODE", "")))
    if not namenodes:
        return Address(
            namenodes=(_of_uri(uri, parts.scheme.lower(), host, port),),
            path=_absolute(uri, unquote(parts.path)),
            user=user,
        )
    known = {urlsplit(each).hostname for each in namenodes}
    if host in known or not host:
        path = unquote(parts.path)
    elif port is not None or user:
        raise NotAllowed(
            f"{shown_uri(uri)} is of another cluster than the credentials",
            remedy="leave the host out, or give credentials for it",
        )
    else:
        path = _below(
            values.get("HDFS_ROOTPATH", ""), unquote(parts.netloc + parts.path)
        )
    return Address(namenodes=namenodes, path=_absolute(uri, path), user=user)


def _urls(text: str) -> list[str]:
    urls = [each.strip().rstrip("/") for each in text.split(";") if each.strip()]
    return [each if "://" in each else f"https://{each}" for each in urls]


def _of_uri(uri: str, scheme: str, host: str, port: int | None) -> str:
    if scheme not in _SCHEMES or not host:
        raise InvalidUri(
            f"{shown_uri(uri)}: the namenode's web address is not known",
            remedy="set HDFS_NAMENODE, as http://namenode:9870, in a secret, "
            "or write webhdfs://namenode:9870/PATH",
        )
    name = f"[{host}]" if ":" in host else host
    return f"{_SCHEMES[scheme]}://{name}" + (f":{port}" if port else "")


def _below(root: str, path: str) -> str:
    return f"/{root.strip().strip('/')}/{path}" if root.strip() else f"/{path}"


def _absolute(uri: str, path: str) -> str:
    parts = [part for part in path.split("/") if part]
    if not parts or "\0" in path or any(part in {".", ".."} for part in parts):
        raise _malformed(uri)
    return "/" + "/".join(parts)


def _malformed(uri: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} is not the address of files in HDFS",
        remedy="write hdfs://PATH with HDFS_NAMENODE in a secret, "
        "or webhdfs://NAMENODE:9870/PATH",
    )
