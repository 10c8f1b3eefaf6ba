"""The predictor's errors as those of the component."""

from __future__ import annotations

import pytest

from inferry import errors
from inferry_server.components import failures
from inferry_server.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    NotPermitted,
    PredictorFailed,
    Unauthorized,
    Unsupported,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, PredictorFailed),
        (400, errors.InvalidInput),
        (401, Unauthorized),
        (403, NotPermitted),
        (404, errors.ModelNotFound),
        (413, BodyTooLarge),
        (422, errors.InvalidInput),
        (429, errors.Overloaded),
        (500, PredictorFailed),
        (501, Unsupported),
        (503, errors.ModelNotReady),
        (504, DeadlineExceeded),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[Exception]) -> None:
    error = failures.answered("the predictor", status, "some\n text")
    assert type(error) is kind
    assert "some text" in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("", 1.0), ("soon", 1.0), ("nan", 1.0)]
)
def test_a_busy_predictor_says_when_to_come_again(header: str, seconds: float) -> None:
    error = failures.answered("the predictor", 429, "busy", header)
    assert isinstance(error, errors.Overloaded)
    assert error.retry_after == seconds


def test_long_texts_are_cut() -> None:
    assert len(str(failures.answered("the predictor", 400, "x" * 10_000))) < 1100
