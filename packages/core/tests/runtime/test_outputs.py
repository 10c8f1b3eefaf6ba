"""The outputs of an answer are those asked for, and all of them are known."""

from __future__ import annotations

import pytest

from inferry.errors import InvalidInput, ModelLoadError
from inferry.runtime.outputs import default, wanted

KNOWN = {"predict": 1, "margin": 2, "leaf": 3}


def test_what_is_asked_for_is_wanted_in_that_order() -> None:
    assert wanted(("leaf", "predict"), KNOWN, ("margin",)) == ("leaf", "predict")


def test_where_nothing_is_asked_for_it_is_the_default_or_all() -> None:
    assert wanted((), KNOWN, ("margin",)) == ("margin",)
    assert wanted((), KNOWN) == ("predict", "margin", "leaf")


def test_an_unknown_output_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput) as caught:
        wanted(("leaf", "total", "more"), KNOWN)

    assert str(caught.value) == (
        "unknown output 'total'; the model gives 'predict', 'margin', 'leaf'"
    )


def test_a_method_is_served_once_in_the_order_of_the_outputs() -> None:
    assert default(("leaf", "predict", "leaf"), KNOWN) == ("predict", "leaf")
    assert default((), KNOWN) == ("predict",)


def test_a_method_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(ModelLoadError) as caught:
        default(("total",), KNOWN)

    assert str(caught.value) == (
        "the model gives no total; use the option method with predict, margin, leaf"
    )
