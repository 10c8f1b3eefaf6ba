"""Answers that the gateway itself gives, and how they look on the wire."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Answer(Struct, frozen=True, kw_only=True):
    """A whole response: status, body and what is special about its headers."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def encode(self, *, method: bytes, keep_alive: bool) -> bytes:
        """Return the bytes of the response to ``method``, HEAD without its body."""
        lines = [
            b"HTTP/1.1 %d %s" % (self.status, _phrase(self.status)),
            b"content-type: " + self.content_type,
            b"content-length: %d" % len(self.body),
            *(name + b": " + value for name, value in self.headers),
            b"connection: keep-alive" if keep_alive else b"connection: close",
            b"\r\n",
        ]
        head = b"\r\n".join(lines)
        return head if method == b"HEAD" else head + self.body


class Refusal(Exception):
    """A request that the gateway answers with an error; carries the answer.

    *param* is the field of a body that it is about, *allow* the method that a 405
    would take.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_after: float | None = None,
        param: str | None = None,
        allow: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.param = param
        self.allow = allow

    @property
    def answer(self) -> Answer:
        """The error in the form that every error of the gateway has."""
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if self.retry_after is not None:
            # Retry-After counts whole seconds; zero would invite a hot loop.
            headers = ((b"retry-after", b"%d" % max(1, round(self.retry_after))),)
        if self.allow:
            headers = (*headers, (b"allow", self.allow.encode()))
        return json_answer({"error": self.message}, status=self.status, headers=headers)


def json_answer(
    data: Any,  # noqa: ANN401 - anything that JSON can say
    *,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    """Return ``data`` as a JSON answer."""
    return Answer(status=status, body=msgspec.json.encode(data), headers=headers)


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
