"""No test of a kit is replaced in silence."""

from __future__ import annotations

import pytest

from inferry.testing._overrides import KitRules


class Base(KitRules):
    def test_one(self) -> None: ...

    def test_two(self) -> None: ...


Base.__module__ = "inferry.testing.made_up"
Base.__test__ = False  # type: ignore[attr-defined]


def test_a_class_that_adds_tests_is_fine() -> None:
    class Mine(Base):
        def test_three(self) -> None: ...

    Mine().test_no_kit_test_is_replaced()


def test_a_replaced_test_is_named() -> None:
    class Mine(Base):
        def test_two(self) -> None: ...

    with pytest.raises(AssertionError, match="Mine replaces test_two of the kit"):
        Mine().test_no_kit_test_is_replaced()


def test_a_test_set_to_none_is_named() -> None:
    class Mine(Base):
        test_two = None  # type: ignore[assignment]

    with pytest.raises(AssertionError, match="test_two"):
        Mine().test_no_kit_test_is_replaced()


def test_a_reason_makes_it_honest() -> None:
    class Mine(Base):
        @pytest.mark.xfail(reason="the format has no batches")
        def test_two(self) -> None: ...

    Mine().test_no_kit_test_is_replaced()


def test_a_mark_without_reason_does_not() -> None:
    class Mine(Base):
        @pytest.mark.xfail
        def test_two(self) -> None: ...

    with pytest.raises(AssertionError, match="test_two"):
        Mine().test_no_kit_test_is_replaced()
