"""gRPC codes beside HTTP statuses."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from inferry_gateway._grpc.status import code_of, counted


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, StatusCode.INVALID_ARGUMENT),
        (404, StatusCode.NOT_FOUND),
        (501, StatusCode.UNIMPLEMENTED),
        (502, StatusCode.UNAVAILABLE),
        (503, StatusCode.UNAVAILABLE),
        (504, StatusCode.DEADLINE_EXCEEDED),
        (418, StatusCode.INTERNAL),
    ],
)
def test_a_refusal_has_the_code_that_clients_act_on(
    status: int, code: StatusCode
) -> None:
    assert code_of(status) is code


def test_every_code_is_counted_as_a_status() -> None:
    assert {counted(code) // 100 for code in StatusCode} == {2, 4, 5}
    assert counted(StatusCode.UNKNOWN) == 500
