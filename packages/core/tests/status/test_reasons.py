from __future__ import annotations

import pytest

from inferry.status import MEANINGS, REMEDIES, Reason, remedy


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_meaning_and_a_remedy_of_one_line(reason: Reason) -> None:
    for text in (MEANINGS[reason], REMEDIES[reason]):
        assert text
        assert "\n" not in text


def test_a_reason_is_its_own_name() -> None:
    assert [str(each) for each in Reason] == [each.name for each in Reason]


def test_an_unknown_reason_has_no_remedy() -> None:
    assert remedy("NeverHeardOf") == ""
