"""Compare what has arrived with the digest that the store promised for it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.status import Reason

if TYPE_CHECKING:
    from inferry.storage import Entry

#: Those whose digest has one length; md5 and sha1 are what some stores have, and still
#: tell damage.
_ALGORITHMS = frozenset(
    {"blake2b", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
)


class Digest:
    """The digest of one entry while its bytes arrive; without a promise all is well."""

    def __init__(self, entry: Entry) -> None:
        self._path = entry.path
        self._algorithm, _, self._promised = (entry.digest or "").partition(":")
        if entry.digest and self._algorithm not in _ALGORITHMS:
            raise StorageError(
                f"{entry.path} has a digest of the kind {self._algorithm!r}, which "
                "cannot be checked",
                reason=Reason.StorageCorrupt,
                remedy=f"the storage backend can give {', '.join(sorted(_ALGORITHMS))}",
            )
        self.restart()

    def restart(self) -> None:
        """Forget what has arrived."""
        self._hash = (
            hashlib.new(self._algorithm, usedforsecurity=False)
            if self._promised
            else None
        )

    def update(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        if self._hash is not None:
            self._hash.update(chunk)

    def check(self) -> None:
        """Compare, once all bytes are there.

        Raises:
            StorageError: They are not what was promised.

        """
        if self._hash is None:
            return
        if not hmac.compare_digest(self._hash.hexdigest(), self._promised.lower()):
            raise StorageError(
                f"{self._path} arrived with another {self._algorithm} than its store "
                "promised",
                reason=Reason.StorageCorrupt,
                remedy="upload the file again",
            )
