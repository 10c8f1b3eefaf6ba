from __future__ import annotations

import json

import pytest
from inferry_controller.kube import errors


def answer(status: int, message: str, reason: str = "") -> errors.ApiError:
    body = {"kind": "Status", "message": message, "reason": reason, "code": status}
    return errors.from_answer(status, json.dumps(body).encode(), "cannot get pods a/b")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.Invalid),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Gone),
        (415, errors.Invalid),
        (422, errors.Invalid),
        (429, errors.Unavailable),
        (500, errors.Unavailable),
        (503, errors.Unavailable),
        (504, errors.Unavailable),
        (418, errors.Invalid),
    ],
)
def test_each_status_has_its_class(
    status: int, expected: type[errors.ApiError]
) -> None:
    error = answer(status, "so it is")
    assert type(error) is expected
    assert error.status == status
    assert error.message == "cannot get pods a/b: so it is"


def test_an_apply_of_a_wrong_type_is_not_repeated_although_it_is_a_500() -> None:
    error = answer(500, "failed to create typed patch object (a/b; v1, Kind=Pod): .x")
    assert type(error) is errors.Invalid


def test_an_api_that_is_not_served_answers_in_plain_text() -> None:
    error = errors.from_answer(404, b"404 page not found\n", "cannot list things")
    assert type(error) is errors.NotFound
    assert error.message == "cannot list things: 404 page not found"


def test_a_body_that_is_no_text_still_makes_one_line() -> None:
    error = errors.from_answer(502, b"\xff\x00<html>\n\x1b[31m" * 500, "cannot get it")
    assert type(error) is errors.Unavailable
    assert error.message.isprintable()
    assert len(error.message) < 4000


def test_an_empty_body_leaves_the_status() -> None:
    error = errors.from_answer(503, b"", "cannot get it", retry_after=2.0)
    assert error.message == "cannot get it: HTTP 503"
    assert error.retry_after == 2.0


def test_a_token_in_an_answer_is_not_repeated() -> None:
    said = "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.sig is expired"
    assert "eyJ" not in str(answer(401, said))


def test_a_name_that_is_taken_is_told_from_other_conflicts() -> None:
    taken, changed = answer(409, "x", "AlreadyExists"), answer(409, "x", "Conflict")
    assert isinstance(taken, errors.Conflict)
    assert isinstance(changed, errors.Conflict)
    assert (taken.exists, changed.exists) == (True, False)
