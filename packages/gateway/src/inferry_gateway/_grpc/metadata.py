"""Which metadata passes, and what the gateway adds: as with the fields of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_gateway._http2.frames import AUTHORITY, PEER

if TYPE_CHECKING:
    from collections.abc import Iterable

Pairs = tuple[tuple[str, str | bytes], ...]

_OWN = frozenset({AUTHORITY.decode(), PEER.decode()})
# Of one hop, or written anew by the connection to the replica.
_HOP = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
# What trailers may say of the status, beside the code and text that grpc itself writes.
_STATUS_DETAILS = "grpc-status-details-bin"


def value(metadata: Pairs, name: str) -> str:
    """Return the last value of *name*, empty where there is none."""
    found = ""
    for key, each in metadata:
        if key == name:
            found = each if isinstance(each, str) else each.decode("latin-1")
    return found


def authority(metadata: Pairs) -> str:
    """Return the ``:authority`` of a call."""
    return value(metadata, AUTHORITY.decode())


def passed_on(metadata: Pairs, *, trusted: bool) -> Pairs:
    """Return what a replica gets: hop-by-hop fields gone, the client named."""
    seen = {name: value(metadata, name) if trusted else "" for name in _FORWARDED}
    peer, host = value(metadata, PEER.decode()), authority(metadata)
    earlier = seen["x-forwarded-for"]
    kept = [
        pair for pair in metadata if pair[0] not in _OWN and pair[0] not in _FORWARDED
    ]
    added = [
        ("x-forwarded-for", f"{earlier}, {peer}" if earlier else peer),
        ("x-forwarded-host", seen["x-forwarded-host"] or host),
        ("x-forwarded-proto", seen["x-forwarded-proto"] or "http"),
    ]
    if seen["forwarded"]:
        added.append(("forwarded", seen["forwarded"]))
    return (*_end_to_end(kept), *added)


def passed_back(metadata: Iterable[tuple[str, str | bytes]] | None) -> Pairs:
    """Return what the client gets of a replica's initial or trailing metadata."""
    return tuple(_end_to_end(metadata or ()))


def _end_to_end(
    metadata: Iterable[tuple[str, str | bytes]],
) -> list[tuple[str, str | bytes]]:
    return [
        (name, each)
        for name, each in metadata
        if name not in _HOP
        and (not name.startswith((":", "grpc-")) or name == _STATUS_DETAILS)
    ]
