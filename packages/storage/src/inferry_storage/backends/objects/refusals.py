"""What an object store, or the way to it, refuses: obstore's errors as typed ones.

The texts of obstore hold addresses, and bodies that a server chose, so nothing of them
reaches a message but a status, a code of the cloud and words of our own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import (
    AccessDenied,
    BlockedAddress,
    Changed,
    InvalidUri,
    NotFound,
    Stalled,
    Truncated,
    Unauthenticated,
    Unreachable,
    UnsafePath,
)

if TYPE_CHECKING:
    from inferry.errors import StorageError

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z][A-Za-z0-9_]{0,63})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_UNSAFE = re.compile(r'Path "(.*?)"(?: contained|:)', re.DOTALL)
_SHOWN = 200
#: The credential is wrong, not what it may do.
_LOGIN = frozenset(
    {
        "AuthenticationFailed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidToken",
        "NoAuthenticationInformation",
        "NotSignedUp",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_BUCKET = frozenset({"ContainerNotFound", "NoSuchBucket", "ResourceNotFound"})
# A code of Azure that also stands for rules of the network comes with these words.
_AZURE_LOGIN = "Server failed to authenticate the request"
_REDIRECTS = frozenset({"301", "307", "308"})
_SLOWER = frozenset({"429", "503"})
# obstore keeps the header Retry-After to itself.
_BUSY_SECONDS = 2.0
# What obstore says of answers that are none of a store, such as a web page.
_ODD = ("invalid list response", "Header missing", "without LOCATION")
_REDIRECTED = "error following redirect"
# The proxy that stands for every host but the store's: see `connection.NOWHERE`.
_NOWHERE = re.compile(r"127\.0\.0\.1:0\b")
_BUSY = frozenset({"408", "425", "429"})
_REMEDIES = {
    "ExpiredToken": "renew the credentials",
    "TokenRefreshRequired": "renew the credentials",
    "RequestExpired": "set the clock of this machine",
    "RequestTimeTooSkewed": "set the clock of this machine",
}
_Trouble = tuple[tuple[str, ...], type[Unreachable], str, str]
#: What the debugging text of obstore says of a connection, and what it means.
_TROUBLES: tuple[_Trouble, ...] = (
    (
        ("certificate", "UnknownIssuer", "CaUsedAsEndEntity", "InvalidCertificate"),
        Unreachable,
        "the certificate of {} is not trusted",
        "set AWS_CA_BUNDLE to the certificate of its authority",
    ),
    (
        ("InvalidContentType", "InvalidMessage"),
        Unreachable,
        "{} does not speak TLS",
        "write the endpoint with http:// if it is plain http",
    ),
    (
        ("dns error", "failed to lookup", "Name or service not known"),
        Unreachable,
        "{} has no address",
        "correct the endpoint, the region or the account",
    ),
    (
        ("TimedOut", "timed out", "deadline has elapsed"),
        Stalled,
        "{} sends nothing",
        "check the network, or raise [storage] stall_seconds",
    ),
    (
        ("ConnectionRefused", "Connection refused"),
        Unreachable,
        "nothing listens at {}",
        "correct the endpoint, or start the store",
    ),
    (
        (
            *("IncompleteMessage", "IncompleteBody", "UnexpectedEof", "end of file"),
            *("ConnectionReset", "BrokenPipe", "ConnectionAborted", "Decode", "Body"),
        ),
        Truncated,
        "{} broke the connection off",
        "check the network, or try again later",
    ),
)
_ASKED = re.compile(r"Error performing [A-Z]+ (https?://[^/\s]+)")
_IDENTITY = ("token request", "token file", "credential", "az account", "pem file")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of which store, in the words of messages."""

    cloud: str
    shown: str
    where: str
    rung: str
    who: str
    kind: str = "bucket"
    bucket: str = ""
    endpoint: str = ""
    anonymous: bool = False
    #: Whether nothing but the metadata server was left to ask.
    last: bool = False
    #: Which secrets were meant to open the store, and why they did not.
    missed: str = ""
    allow: str = "let it read the objects and list the bucket"

    def about(self, name: str) -> Asked:
        """Return the same with the object *name* below the URI in its words."""
        if not name or self.shown.endswith(f"/{name}"):
            return self
        shown = f"{self.shown.rstrip('/')}/{name}"
        return msgspec.structs.replace(self, shown=shown)


class WrongRegion(NotFound):
    """The bucket is in another region; ``region`` is empty where nobody said which."""

    def __init__(self, message: str, *, remedy: str = "", region: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.region = region


def refusal(error: Exception, asked: Asked) -> StorageError:
    """Return the typed error that *error* of obstore is."""
    from obstore import exceptions

    text = str(error)
    head, _, debug = text.partition("\n\nDebug source")
    status = found[1] if (found := _STATUS.search(head)) else ""
    code = found[1] if (found := _CODE.search(head)) else ""
    if isinstance(error, exceptions.InvalidPathError):
        return _unsafe(head, asked)
    if isinstance(error, exceptions.PreconditionError):
        return changed(asked)
    if not asked.anonymous and _is_identity(head, asked):
        return _no_identity(asked)
    if status:
        return _answered(status, code, text, asked)
    if "without LOCATION" in text and asked.cloud == "S3":
        return wrong_region(asked, "")
    return _unanswered(head, debug, asked)


def changed(asked: Asked) -> Changed:
    """Return that an object is not the one that was resolved."""
    return Changed(
        f"{asked.shown} was replaced while it was read",
        remedy="try again when nobody uploads to it",
    )


def no_store(asked: Asked) -> InvalidUri:
    """Return that something answers, and not as a store of this kind does."""
    return InvalidUri(
        f"{asked.shown}: {asked.where} does not answer as {asked.cloud} does",
        reason="StorageFailed",
        remedy="check that the endpoint is that of the store, not of its console",
    )


def truncated(asked: Asked, name: str, given: int, wanted: int) -> Truncated:
    """Return that a body of an object is not as long as was promised."""
    return Truncated(
        f"{asked.shown}: {asked.cloud} sent {given} of {wanted} bytes of {name!r}",
        remedy="try again later",
    )


def wrong_region(asked: Asked, region: str) -> WrongRegion:
    """Return that the bucket has to be asked for in *region*."""
    where = region or "another region"
    return WrongRegion(
        f"{asked.shown}: the bucket {asked.bucket!r} is in {where}",
        remedy=f"set AWS_DEFAULT_REGION to {region or 'the region of the bucket'}",
        region=region,
    )


def _answered(status: str, code: str, text: str, asked: Asked) -> StorageError:
    said = f"{status} {code}".rstrip()
    if status in _REDIRECTS or code == "AuthorizationHeaderMalformed":
        region = found[1] if (found := _REGION.search(text)) else ""
        return wrong_region(asked, region)
    if status == "404" or code in _BUCKET:
        return _absent(code, said, asked)
    if code in _LOGIN or status in {"401", "403"}:
        login = code in _LOGIN or status == "401" or _AZURE_LOGIN in text
        return _denied(code, said, asked, login=login)
    if status == "412":
        return changed(asked)
    if status in _BUSY or status.startswith("5"):
        return Unreachable(
            f"{asked.shown}: {asked.where} answered {said}",
            retry_after=_BUSY_SECONDS if status in _SLOWER else None,
            remedy="try again later",
        )
    return InvalidUri(
        f"{asked.shown}: {asked.where} answered {said}",
        reason="StorageFailed",
        remedy="check that the endpoint and the URI are of the same kind of store",
    )


def _absent(code: str, said: str, asked: Asked) -> NotFound:
    if code in _BUCKET:
        return NotFound(
            f"{asked.shown}: {asked.where} has no {asked.kind} {asked.bucket!r} "
            f"({said})",
            remedy="correct the storageUri, or the endpoint and the account",
        )
    return NotFound(
        f"{asked.shown}: {asked.cloud} has no such object ({said})",
        remedy="correct the storageUri",
    )


def _denied(code: str, said: str, asked: Asked, *, login: bool) -> AccessDenied:
    if asked.anonymous:
        return Unauthenticated(
            f"{asked.shown}: {asked.cloud} wants credentials and was given none "
            f"({said})",
            rung=asked.rung,
            remedy="give credentials; inferry storage whoami URI says what is found",
        )
    if login:
        return Unauthenticated(
            f"{asked.shown}: {asked.cloud} does not take the credentials of "
            f"{asked.who} ({said})",
            rung=asked.rung,
            remedy=_REMEDIES.get(code, "correct the credentials"),
        )
    return AccessDenied(
        f"{asked.shown}: {asked.cloud} denies access to the credentials of "
        f"{asked.who} ({said})",
        remedy=asked.allow,
    )


def _no_identity(asked: Asked) -> Unauthenticated:
    if asked.last:
        why = asked.missed or "the metadata server of a cloud gives none"
        return Unauthenticated(
            f"{asked.shown}: no credentials were found, and {why}",
            rung=asked.rung,
            remedy="give them by a secret of the service or the environment; a public "
            f"{asked.kind} is read with [storage] anonymous = true "
            "(INFERRY_STORAGE__ANONYMOUS=true)",
        )
    return Unauthenticated(
        f"{asked.shown}: the credentials of {asked.who} cannot be had",
        rung=asked.rung,
        remedy="see inferry storage whoami URI, or give credentials by a secret or "
        "the environment",
    )


def _unanswered(head: str, debug: str, asked: Asked) -> StorageError:
    """Tell what is wrong with the way to the store, or with the body it sent."""
    if any(words in head for words in _ODD):
        return no_store(asked)
    text = debug or head
    if _REDIRECTED in head or _NOWHERE.search(text):
        return BlockedAddress(
            f"{asked.shown}: {asked.where} redirects to where nobody may be sent",
            remedy="name the address that it redirects to as the endpoint",
        )
    for words, kind, said, remedy in _TROUBLES:
        if any(word in text for word in words):
            what = f"{asked.shown}: {said.format(asked.where)}"
            return kind(what, remedy=remedy)
    return Unreachable(
        f"{asked.shown}: {asked.where} cannot be reached",
        remedy="check that the endpoint is the address of such a store",
    )


def _is_identity(head: str, asked: Asked) -> bool:
    """Say whether it was not the store that was asked, but who gives credentials."""
    if found := _ASKED.search(head):
        return "token request" in head or not asked.endpoint.startswith(found[1])
    return any(word in head for word in _IDENTITY)


def _unsafe(head: str, asked: Asked) -> UnsafePath:
    found = _UNSAFE.search(head)
    name = repr(found[1][:_SHOWN]) if found else "an object"
    return UnsafePath(
        f"{asked.shown}: {name} has an empty part, '.' or '..' in its name",
        remedy="rename it in the store",
    )
