"""Exceptions as statuses."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from inferry import errors
from inferry_server.errors import (
    BodyTooLarge,
    Conflict,
    DeadlineExceeded,
    NotPermitted,
    Unauthorized,
    Unsupported,
)
from inferry_server.grpc.errors import CODES, fitting, refuse, status_of
from inferry_server.statuses import STATUS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("a"), StatusCode.INVALID_ARGUMENT),
        (errors.ModelNotFound("a"), StatusCode.NOT_FOUND),
        (errors.ModelNotReady("a"), StatusCode.UNAVAILABLE),
        (errors.Overloaded("a"), StatusCode.UNAVAILABLE),
        (DeadlineExceeded("a"), StatusCode.DEADLINE_EXCEEDED),
        (Unsupported("a"), StatusCode.UNIMPLEMENTED),
        (NotPermitted("a"), StatusCode.PERMISSION_DENIED),
        (Unauthorized("a"), StatusCode.UNAUTHENTICATED),
        (BodyTooLarge("a"), StatusCode.RESOURCE_EXHAUSTED),
        (Conflict("a"), StatusCode.ALREADY_EXISTS),
    ],
)
def test_each_error_has_its_code_and_text(error: Exception, code: StatusCode) -> None:
    assert status_of(error, "here")[1:] == (code, "a")


def test_every_status_of_http_has_a_code() -> None:
    assert set(STATUS.values()) - set(CODES) == set()


def test_what_nobody_expects_gives_away_an_id_only(caplog: Any) -> None:
    status, code, text = status_of(ValueError("a secret"), "ModelInfer of m")
    assert (status, code) == (500, StatusCode.INTERNAL)
    found = re.fullmatch(r"internal error, id (\w{16}): see the log.*", text)
    assert found is not None
    assert found[1] in caplog.text


class Context:
    metadata: Any = None

    def set_code(self, code: StatusCode) -> None:
        self.code = code

    def set_details(self, text: str) -> None:
        self.details = text

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata


def test_an_overloaded_server_says_when_to_come_back() -> None:
    context = Context()
    error = errors.Overloaded("full", retry_after=2)
    assert refuse(context, error, "here", (("x-request-id", "7"),)) == 503
    assert context.metadata == (("x-request-id", "7"), ("retry-after", "2"))


def test_an_error_without_more_to_say_sets_no_metadata() -> None:
    context = Context()
    refuse(context, errors.InvalidInput("no"), "here")
    assert context.metadata is None


def test_half_a_character_is_replaced() -> None:
    assert fitting("a\ud800") == "a?"


@given(st.text(max_size=3000))
def test_a_text_fits_into_the_metadata_of_an_answer(text: str) -> None:
    kept = fitting(text)
    assert len(quote(kept.encode(errors="replace"), safe=" ")) <= 4096
    assert text.startswith(kept.rstrip(".")) or kept == text
