"""What a cluster's refusals mean, and what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import msgspec

from inferry.storage import (
    AccessDenied,
    NotFound,
    Unauthenticated,
    Unreachable,
    shown_uri,
)
from inferry_storage.network.faults import refused

if TYPE_CHECKING:
    from inferry.errors import StorageError

_REMEDY = "give USER_PROXY, or HEADERS with a login, of a user who may read it"
# Another namenode is the active one, or this one is not ready yet.
_PASSING = {"StandbyException", "RetriableException", "SafeModeException"}


class _Exception(msgspec.Struct, frozen=True):
    exception: str = ""


class _Said(msgspec.Struct, frozen=True):
    remote: _Exception = msgspec.field(name="RemoteException", default=_Exception())


def refusal(uri: str, response: httpx.Response, body: bytes, rung: str) -> StorageError:
    """Return the error for an answer that is no success; *body* names an exception."""
    shown, status = shown_uri(uri), response.status_code
    try:
        name = msgspec.json.decode(body, type=_Said).remote.exception
    except (msgspec.DecodeError, UnicodeDecodeError):
        name = ""
    if name in _PASSING:
        return Unreachable(
            f"{shown}: the namenode is a standby, or not ready",
            remedy="name all namenodes in HDFS_NAMENODE, with a ; between them",
        )
    if name == "FileNotFoundException":
        return NotFound(f"{shown} does not exist", remedy="correct the storageUri")
    if name == "AccessControlException":
        return AccessDenied(
            f"{shown}: the cluster lets nobody read it as {rung}", remedy=_REMEDY
        )
    negotiates = "negotiate" in response.headers.get("www-authenticate", "").lower()
    if status == httpx.codes.UNAUTHORIZED and negotiates:
        return Unauthenticated(
            f"{shown}: the cluster asks for Kerberos, which is not supported",
            rung=rung,
            remedy="put a gateway such as Knox or HttpFS before it and give its login "
            "in HEADERS",
        )
    return refused(uri, status, response.headers, rung=rung, remedy=_REMEDY)
