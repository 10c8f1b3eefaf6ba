"""Bodies as they come in, plain or compressed, within limits."""

from __future__ import annotations

import zlib

from inferry.errors import InvalidInput
from inferry_server.errors import BodyTooLarge

ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # name -> zlib's wbits
_ZLIB_METHOD = 8
_STEP = 1024 * 1024
#: Tensors of zeros shrink a thousandfold: the ratio counts above this size alone.
_FREE = 16 * 1024 * 1024


class Plain:
    """Collects a body as it comes."""

    def __init__(self, into: bytearray, limit: int) -> None:
        self._into = into
        self._limit = limit
        self._room = limit

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return self._limit - self._room

    def take(self, piece: bytes) -> None:
        """Take the next *piece*.

        Raises:
            BodyTooLarge: The limit is passed.

        """
        self._room -= len(piece)
        if self._room < 0:
            raise too_large(self._limit)
        self._into += piece

    def finish(self) -> bytearray:
        """Return the whole body."""
        return self._into


class Inflated(Plain):
    """Inflates a body piece by piece, so that a bomb bursts at the limit."""

    def __init__(
        self, into: bytearray, limit: int, encoding: str, max_ratio: int
    ) -> None:
        super().__init__(into, limit)
        self._compressed = 0
        self._max_ratio = max_ratio
        self._encoding = encoding
        self._inflate = zlib.decompressobj(ENCODINGS[encoding])
        self._first = True

    def take(self, piece: bytes) -> None:
        """Inflate the next *piece*.

        Raises:
            BodyTooLarge: The limit is passed, or the ratio.
            InvalidInput: It is not what it says it is.

        """
        self._compressed += len(piece)
        if self._first and piece:
            self._first = False
            if self._encoding == "deflate" and piece[0] & 0x0F != _ZLIB_METHOD:
                # Some clients send the bare stream, without zlib's header.
                self._inflate = zlib.decompressobj(-15)
        while piece:
            try:
                out = self._inflate.decompress(piece, min(self._room + 1, _STEP))
            except zlib.error as error:
                raise InvalidInput(
                    f"the body is not {self._encoding}: {error}"
                ) from None
            super().take(out)
            self._check_ratio()
            if self._inflate.unused_data:
                raise InvalidInput(
                    f"the body goes on after its {self._encoding} stream"
                )
            piece = self._inflate.unconsumed_tail

    def _check_ratio(self) -> None:
        most = self._max_ratio * self._compressed
        if self.size > max(_FREE, most):
            raise BodyTooLarge(
                f"the {self._encoding} body inflates to more than {self._max_ratio} "
                "times its size"
            )

    def finish(self) -> bytearray:
        """Return the whole body.

        Raises:
            InvalidInput: It is not whole.

        """
        if not self._inflate.eof:
            raise InvalidInput(f"the {self._encoding} body ends too early")
        return super().finish()


def too_large(limit: int) -> BodyTooLarge:
    """Return what says that a body is over *limit*."""
    return BodyTooLarge(
        f"the request body is over the limit of {limit} bytes; send less at once, or "
        "raise max_body_bytes of the server"
    )
