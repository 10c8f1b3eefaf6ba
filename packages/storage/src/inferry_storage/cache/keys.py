"""What things are called in the cache: equal names mean equal bytes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from inferry.storage import shown_uri

if TYPE_CHECKING:
    from inferry.storage import Entry, Snapshot
    from inferry_storage.fetching.selecting import Patterns
    from inferry_storage.policy import Policy

#: Digests that nobody can find other bytes for, and that are compared here.
STRONG = frozenset({"blake2b", "sha256", "sha384", "sha512"})
_LENGTH = 40
#: One of these says that a URL is signed.
_SIGNATURES = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})
# Parameters that sign a URL: each signing makes others, for the same object.
_SIGNING = frozenset(
    {
        *(
            "awsaccesskeyid",
            "googleaccessid",
            "key-pair-id",
            "policy",
            "security-token",
        ),
        *("expires", "signature", "se", "sig", "sip", "sp", "spr", "sr", "st", "sv"),
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "ss", "srt"),
    }
)


def snapshot_key(
    snapshot: Snapshot, policy: Policy, patterns: Patterns, *, trusted: bool = False
) -> str:
    """Name the tree that *snapshot* becomes under the settings that shape it.

    *trusted* says that its service allows code in it.
    """
    trusted = trusted or policy.trusts(snapshot.uri)
    return _hashed(
        identity(snapshot.uri),
        snapshot.id,
        *("allow", *patterns.allow, "ignore", *patterns.ignore),
        f"unpack={policy.unpack} trusted={trusted}",
        *_signers(policy),
    )


def content_key(snapshot: Snapshot, entry: Entry) -> str:
    """Name the bytes of *entry*; empty where nothing says when they are the same."""
    if is_strong(entry.digest):
        return str(entry.digest).lower()
    if not entry.etag or entry.etag.startswith("W/") or entry.size is None:
        return ""
    return "etag:" + _hashed(
        snapshot.origin, identity(snapshot.uri), entry.path, entry.etag, str(entry.size)
    )


def is_strong(digest: str | None) -> bool:
    """Say whether *digest* stands for its bytes against anybody."""
    return (digest or "").partition(":")[0] in STRONG


@lru_cache(maxsize=8)  # it is asked for each file of a snapshot
def identity(uri: str) -> str:
    """Return *uri* without user and password, and without what only signs it."""
    try:
        query = urlsplit(uri).query
    except ValueError:
        return uri
    given = parse_qsl(query, keep_blank_values=True)
    is_signed = not _SIGNATURES.isdisjoint(name.lower() for name, _ in given)
    kept = [each for each in given if not (is_signed and _signs(each[0].lower()))]
    return f"{shown_uri(uri)}?{urlencode(kept)}"


def _signs(name: str) -> bool:
    return name in _SIGNING or name.startswith(("x-amz-", "x-goog-"))


def _signers(policy: Policy) -> tuple[str, ...]:
    """Return what a signature must be of; the key by its content."""
    if policy.require != "signature":
        return ()
    key = b""
    if policy.signature_key:
        try:
            with open(policy.signature_key, "rb") as file:  # noqa: PTH123 - a str
                key = file.read()
        except OSError:  # said by who verifies
            key = policy.signature_key.encode()
    digest = hashlib.sha256(key).hexdigest()
    return (digest, policy.signature_identity, policy.signature_issuer)


def _hashed(*parts: str) -> str:
    text = "\0".join(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_LENGTH]
