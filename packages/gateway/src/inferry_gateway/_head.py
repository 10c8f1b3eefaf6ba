"""Heads of requests and responses: what is refused, what is passed on, what is added.

The parser (llhttp, strict) already refuses what could be read in two ways: both
Content-Length and Transfer-Encoding, either of them twice, folded lines, NUL, bare CR
or LF, blanks before the colon. Here follows what RFC 9110 and 9112 leave to the
application: Host, versions, the one transfer coding we know, hop-by-hop fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from inferry_gateway._answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
# Fields of one hop (RFC 9110, 7.6.1) and those that are written anew.
_OWN = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
)
_RESPONSE_OWN = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_PLAIN_CONNECTION = frozenset({b"close", b"keep-alive"})


class RequestHead(Struct, gc=False):
    """What the gateway needs to know of a request before its body."""

    method: bytes
    target: bytes
    http11: bool
    keep_alive: bool
    host: bytes
    length: int | None
    chunked: bool
    expects: bool
    fields: list[bytes]
    forwarded: dict[bytes, bytes]


class ResponseHead(Struct, gc=False):
    """What the gateway needs to know of a response before its body."""

    status: int
    reason: bytes
    fields: list[bytes]
    length: bool
    chunked: bool


def read_request(
    method: bytes,
    target: bytes,
    version: str,
    headers: list[tuple[bytes, bytes]],
    *,
    keep_alive: bool,
) -> RequestHead:
    """Check a request's head and sort its fields.

    Raises:
        Refusal: 400, 417, 501 or 505, with what is wrong with it.
    """
    if version not in {"1.1", "1.0"}:
        raise Refusal(505, f"HTTP/{version} is not spoken here; use HTTP/1.1")
    if method not in METHODS:
        raise Refusal(501, f"method {method.decode('latin-1')} is not served here")
    fields: list[bytes] = []
    own: dict[bytes, bytes] = {}
    for name, value in headers:
        low = name.lower()
        if low not in _OWN:
            fields.append(name + b": " + value)
        elif low in own:
            own[low] = _merged(low, own[low], value)
        else:
            own[low] = value
    http11 = version == "1.1"
    host = own.pop(b"host", None)
    if host is None and http11:
        raise Refusal(400, "the Host header is missing; HTTP/1.1 needs it")
    authority, target = _origin_form(target)
    length, chunked = _framing(own, http11=http11)
    connection = own.get(b"connection")
    if connection and connection.lower() not in _PLAIN_CONNECTION:
        fields = _without_named(fields, connection)
    return RequestHead(
        method=method,
        target=target,
        http11=http11,
        keep_alive=keep_alive,
        host=authority or host or b"",
        length=length,
        chunked=chunked,
        expects=_expects(own.get(b"expect"), http11=http11),
        fields=fields,
        forwarded={k: v for k, v in own.items() if b"forwarded" in k},
    )


def write_request(
    head: RequestHead, target: bytes, *, peer: bytes, prefix: bytes, trusted: bool
) -> bytes:
    """Return the head that a replica gets: Host kept, hop-by-hop fields gone."""
    lines = [
        b"%s %s HTTP/1.1" % (head.method, target),
        b"host: " + head.host,
        *head.fields,
    ]
    seen = head.forwarded if trusted else {}
    earlier = seen.get(b"x-forwarded-for")
    lines.append(b"x-forwarded-for: " + (earlier + b", " + peer if earlier else peer))
    lines.append(b"x-forwarded-host: " + seen.get(b"x-forwarded-host", head.host))
    lines.append(b"x-forwarded-proto: " + seen.get(b"x-forwarded-proto", b"http"))
    if prefix:
        lines.append(b"x-forwarded-prefix: " + prefix)
    if b"forwarded" in seen:
        lines.append(b"forwarded: " + seen[b"forwarded"])
    if head.chunked:
        lines.append(b"transfer-encoding: chunked")
    elif head.length is not None:
        lines.append(b"content-length: %d" % head.length)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def read_response(
    status: int, reason: bytes, headers: list[tuple[bytes, bytes]]
) -> ResponseHead:
    """Sort the fields of a response; the parser has checked its framing."""
    fields: list[bytes] = []
    length = chunked = False
    connection = b""
    for name, value in headers:
        low = name.lower()
        if low in _RESPONSE_OWN:
            if low == b"transfer-encoding":
                chunked = value.lower().rstrip().endswith(b"chunked")
            elif low == b"connection":
                connection += b"," + value
            continue
        length = length or low == b"content-length"
        fields.append(name + b": " + value)
    if connection:
        fields = _without_named(fields, connection)
    return ResponseHead(
        status=status, reason=reason, fields=fields, length=length, chunked=chunked
    )


def write_response(head: ResponseHead, *added: bytes) -> bytes:
    """Return the head that a client gets, with the fields ``added``."""
    lines = [
        b"HTTP/1.1 %d %s" % (head.status, head.reason),
        *head.fields,
        *added,
        b"\r\n",
    ]
    return b"\r\n".join(lines)


def framing(*, keep: bool, http11: bool, chunked: bool, held: float) -> list[bytes]:
    """Return the fields that say how a response ends and how long it was *held*."""
    fields = [b"transfer-encoding: chunked"] if chunked and http11 else []
    if not keep:
        fields.append(b"connection: close")
    elif not http11:
        fields.append(b"connection: keep-alive")
    if held > 0.1:  # noqa: PLR2004 - below, it is no wait a user would ask about
        fields.append(b"x-inferry-held: %.3f" % held)
    return fields


def chunk(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return ``data`` as one chunk of the chunked coding."""
    return b"%x\r\n" % len(data), data, b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"


def _merged(name: bytes, earlier: bytes, value: bytes) -> bytes:
    if name == b"host":
        raise Refusal(400, "the Host header appears twice; send it once")
    return earlier + b", " + value


def _origin_form(target: bytes) -> tuple[bytes, bytes]:
    """Return the authority, if the target has one, and the target as path and query."""
    if b"#" in target:
        raise Refusal(400, "the request target holds a fragment (#); leave it out")
    if target.startswith(b"/") or target == b"*":
        return b"", target if target != b"*" else b"/"
    try:
        url = urlsplit(target)
    except ValueError:
        url = None
    if url is None or url.scheme not in {b"http", b"https"} or not url.netloc:
        raise Refusal(400, "the request target must be a path that starts with '/'")
    query = b"?" + url.query if url.query else b""
    return url.netloc.rpartition(b"@")[2], (url.path or b"/") + query


def _framing(own: dict[bytes, bytes], *, http11: bool) -> tuple[int | None, bool]:
    coding = own.get(b"transfer-encoding")
    declared = own.get(b"content-length")
    if coding is not None:
        if not http11 or declared is not None:
            raise Refusal(400, "Transfer-Encoding is not allowed in this request")
        if coding.strip().lower() != b"chunked":
            raise Refusal(501, "the only Transfer-Encoding served here is 'chunked'")
        return None, True
    if declared is None:
        return None, False
    declared = declared.strip()
    if not declared.isdigit():
        raise Refusal(400, "Content-Length must be one decimal number")
    return int(declared), False


def _expects(value: bytes | None, *, http11: bool) -> bool:
    if value is None or not http11:
        return False
    if value.strip().lower() != b"100-continue":
        raise Refusal(417, "the only Expect served here is '100-continue'")
    return True


def _without_named(fields: list[bytes], connection: bytes) -> list[bytes]:
    """Leave out the fields that Connection names as meant for one hop only."""
    named = {token.strip().lower() for token in connection.split(b",")}
    named -= _PLAIN_CONNECTION | {b"", b"content-length"}
    if not named:
        return fields
    return [f for f in fields if _name_of(f) not in named]


def _name_of(field: bytes) -> bytes:
    return field.partition(b":")[0].lower()


def without_upgrade(
    method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return the head again without its offer to upgrade, which a server may ignore."""
    kept = [
        name + b": " + value
        for name, value in headers
        if name.lower() not in {b"upgrade", b"connection", b"http2-settings"}
    ]
    lines = [method + b" " + target + b" HTTP/1.1", *kept, b"\r\n"]
    return b"\r\n".join(lines)
