"""What a fetch can end with; each kind has its status reason and its exit code."""

from __future__ import annotations

from typing import ClassVar

from inferry.errors import StorageError


class _Kind(StorageError):
    """A kind of failure: its class says the reason, the exit code, whether to retry."""

    _reason: ClassVar[str] = "StorageFailed"

    def __init__(self, message: str, *, reason: str = "", remedy: str = "") -> None:
        super().__init__(message, reason=reason or self._reason, remedy=remedy)


class InvalidUri(_Kind):
    """A URI that its scheme does not allow."""

    exit_code = 2
    _reason = "StorageNotFound"


class NotFound(_Kind):
    """Nothing is there."""

    exit_code = 3
    _reason = "StorageNotFound"


class EmptyModel(NotFound):
    """The place is there and holds no file, or none that the patterns let through."""


class AccessDenied(_Kind):
    """The store knows who asks and refuses."""

    exit_code = 4
    _reason = "StorageAccessDenied"


class Unauthenticated(AccessDenied):
    """The credential is missing, wrong or expired; ``rung`` says which answered."""

    def __init__(
        self, message: str, *, rung: str = "", reason: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message, reason=reason, remedy=remedy)
        self.rung = rung


class NotAllowed(_Kind):
    """The settings forbid it."""

    exit_code = 5
    _reason = "StorageNotAllowed"


class BlockedAddress(NotAllowed):
    """An address, a scheme or a redirect that services may not reach."""


class TooLarge(NotAllowed):
    """More bytes or files than the settings let one model have."""


class Unverified(NotAllowed):
    """What is known of the bytes is less than ``[storage] require`` asks for."""


class NoBackend(_Kind):
    """No installed storage backend reads the URI."""

    exit_code = 5
    _reason = "StorageNotSupported"


class Corrupt(_Kind):
    """The bytes are not those that the store, a manifest or a signature promised."""

    exit_code = 6
    _reason = "StorageCorrupt"


class Unsafe(_Kind):
    """The model holds what must not come to this machine."""

    exit_code = 6
    _reason = "StorageUnsafe"


class UnsafePath(Unsafe):
    """A name that leaves the model's tree, or hides another name of it."""


class UnsafeArchive(Unsafe):
    """An archive with links, devices, a bomb, or names that leave its folder."""


class UnsafeFormat(Unsafe):
    """A file that runs code when it is loaded, from a source that is not trusted."""


class Unreachable(_Kind):
    """The store did not answer, or not in full: asking again may help.

    ``retry_after`` is in seconds, None where the store did not say.
    """

    exit_code = 7
    transient = True
    _reason = "StorageUnreachable"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        reason: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, reason=reason, remedy=remedy)
        self.retry_after = retry_after


class Truncated(Unreachable):
    """A body that is shorter or longer than promised, or of no known length."""


class Stalled(Unreachable):
    """Fewer bytes than the settings ask for, or the deadline has passed."""


class Changed(Unreachable):
    """The object is no longer the one that was resolved: resolve again."""

    transient = False


class Unstable(Unreachable):
    """The source was replaced again and again while it was fetched."""

    transient = False


class DiskError(_Kind):
    """The disk of this machine does not take the bytes."""

    exit_code = 8


class DiskFull(DiskError):
    """There is no room for the model."""

    _reason = "StorageFull"
