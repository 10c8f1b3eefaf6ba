"""Options are read as what they are, or refused with what they may be."""

from __future__ import annotations

import pytest

from inferry.errors import ModelLoadError
from inferry.runtime.options import choice, count, listed, switch


def test_a_choice_is_the_first_where_nobody_set_it() -> None:
    assert choice({}, "mode", ("warn", "fail")) == "warn"
    assert choice({"mode": "fail"}, "mode", ("warn", "fail")) == "fail"


def test_another_choice_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelLoadError, match="option mode is 'x'; use warn or fail"):
        choice({"mode": "x"}, "mode", ("warn", "fail"))


@pytest.mark.parametrize(
    ("value", "said"),
    [("true", True), ("False", False), (False, False), ("auto", None), ("", None)],
)
def test_a_switch_is_on_off_or_left_open(value: object, said: object) -> None:
    assert switch({"batching": value}, "batching") is said
    assert switch({}, "batching") is None


def test_what_is_no_switch_is_refused() -> None:
    with pytest.raises(ModelLoadError, match="is 'perhaps'; use auto, true or false"):
        switch({"batching": "perhaps"}, "batching")


def test_a_list_is_separated_by_commas() -> None:
    assert listed({"types": " a, ,b "}, "types") == ("a", "b")
    assert listed({}, "types") == ()


def test_a_count_of_0_is_the_default() -> None:
    assert count({"threads": 0}, "threads", 4) == 4
    assert count({"threads": 2}, "threads", 4) == 2


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ModelLoadError, match="option threads is -1"):
        count({"threads": -1}, "threads", 4)
