"""The body of one request on its way: framed for the replica, kept for a replay."""

from __future__ import annotations

from inferry_gateway._head import LAST_CHUNK, chunk

REPLAYABLE = 64 * 1024


class RequestBody:
    """Pieces that came from the client and were not yet taken for the replica."""

    __slots__ = ("_chunked", "_kept", "_pieces", "done", "received", "sent")

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._pieces: list[bytes] = []
        self._kept: list[bytes] | None = None
        self.received = 0
        self.done = False
        self.sent = False

    @property
    def replayable(self) -> bool:
        """Whether everything that was taken is still here."""
        return self._kept is not None

    def add(self, data: bytes) -> None:
        """Append a piece."""
        self._pieces.append(data)

    def peek(self) -> bytes:
        """Return what came and was not taken."""
        return b"".join(self._pieces)

    def drop(self) -> None:
        """Forget what nobody will take."""
        self._pieces.clear()

    def begin(self, *, replayable: bool) -> None:
        """Begin to be taken by a replica; keep copies while small if ``replayable``."""
        self._kept = [] if replayable else None

    def take(self) -> list[bytes]:
        """Return what is to be sent now."""
        pieces, self._pieces = self._pieces, []
        if self._kept is not None:
            small = self.received <= REPLAYABLE
            self._kept = [*self._kept, *pieces] if small else None
        ends = self.done and not self.sent
        self.sent = self.done
        if not self._chunked:
            return pieces
        framed = [part for piece in pieces for part in chunk(piece)]
        if ends:
            framed.append(LAST_CHUNK)
        return framed

    def rewind(self) -> None:
        """Make everything that was taken available again."""
        self._pieces = [*(self._kept or ()), *self._pieces]
        self._kept = None
        self.sent = False
