"""What a storage backend implements, and what it raises.

A backend resolves a URI to an immutable snapshot and yields bytes of its entries.
It never touches the local file system: names, limits, verification and publishing are
the engine's (`inferry_storage`).
"""

from __future__ import annotations

from inferry.storage._contract import (
    STORAGE_CONFIG_SCHEME,
    Access,
    Credentials,
    Entry,
    LocalPath,
    Lookup,
    Secret,
    Snapshot,
    Source,
    Storage,
    shown_uri,
    uri_scheme,
)
from inferry.storage._errors import (
    AccessDenied,
    BlockedAddress,
    Changed,
    Corrupt,
    DiskError,
    DiskFull,
    EmptyModel,
    InvalidUri,
    NoBackend,
    NotAllowed,
    NotFound,
    Stalled,
    TooLarge,
    Truncated,
    Unauthenticated,
    Unreachable,
    Unsafe,
    UnsafeArchive,
    UnsafeFormat,
    UnsafePath,
    Unstable,
    Unverified,
)

__all__ = [
    "STORAGE_CONFIG_SCHEME",
    "Access",
    "AccessDenied",
    "BlockedAddress",
    "Changed",
    "Corrupt",
    "Credentials",
    "DiskError",
    "DiskFull",
    "EmptyModel",
    "Entry",
    "InvalidUri",
    "LocalPath",
    "Lookup",
    "NoBackend",
    "NotAllowed",
    "NotFound",
    "Secret",
    "Snapshot",
    "Source",
    "Stalled",
    "Storage",
    "TooLarge",
    "Truncated",
    "Unauthenticated",
    "Unreachable",
    "Unsafe",
    "UnsafeArchive",
    "UnsafeFormat",
    "UnsafePath",
    "Unstable",
    "Unverified",
    "shown_uri",
    "uri_scheme",
]
