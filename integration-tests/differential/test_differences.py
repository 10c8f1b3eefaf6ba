"""Our answers are those of KServe and of Triton, except where it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from differential import cases
from differential.intended import INTENDED, Difference
from differential.observing import differences

if TYPE_CHECKING:
    from collections.abc import Callable

SERVERS = ("kserve", "triton")
CASES = [("http", name) for name in cases.HTTP] + [
    ("grpc", name) for name in cases.GRPC
]
Seen = dict[str, dict[str, Any]]


@pytest.mark.parametrize(("transport", "case"), CASES, ids=map(": ".join, CASES))
@pytest.mark.parametrize("server", SERVERS)
def test_the_answer_is_theirs(
    seen: Callable[[str], Seen], server: str, transport: str, case: str
) -> None:
    theirs, ours = (seen(name)[transport][case] for name in (server, "ours"))
    known = [
        each
        for each in INTENDED
        if (each.server, each.transport) == (server, transport)
    ]
    surprising = {
        fact: f"theirs {pair[0]!r}, ours {pair[1]!r}"
        for fact, pair in differences(theirs, ours).items()
        if not any(each.covers(case, fact, *pair) for each in known)
    }
    assert surprising == {}


@pytest.mark.parametrize(
    "difference",
    INTENDED,
    ids=lambda d: f"{d.server} {d.transport} {d.cases[0]} {d.fact}",
)
def test_an_intended_difference_is_still_there(
    seen: Callable[[str], Seen], difference: Difference
) -> None:
    theirs = seen(difference.server)[difference.transport]
    ours = seen("ours")[difference.transport]
    assert any(
        difference.covers(case, fact, *pair)
        for case in theirs
        for fact, pair in differences(theirs[case], ours[case]).items()
    ), f"take it out of the table: {difference}"


def test_every_error_of_ours_has_its_reason(seen: Callable[[str], Seen]) -> None:
    refused = {
        case: facts
        for case, facts in seen("ours")["http"].items()
        if facts["status"] != 200
    }
    assert len(refused) > 20
    assert {case for case, facts in refused.items() if not facts["error"]} == set()
    assert {facts["status"] for facts in refused.values()} <= {400, 404}


def test_nothing_of_ours_is_unreadable(seen: Callable[[str], Seen]) -> None:
    answers = seen("ours")["http"]
    assert {case for case, facts in answers.items() if "unreadable" in facts} == set()
