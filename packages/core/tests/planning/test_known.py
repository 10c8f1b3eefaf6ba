from __future__ import annotations

from importlib.metadata import metadata

import pytest

from inferry.planning._known import (
    EXTRAS,
    FORMATS,
    listed,
    runtime_package,
    storage_package,
)


def test_the_extras_are_those_of_the_distribution() -> None:
    assert frozenset(metadata("inferry").get_all("Provides-Extra") or ()) == EXTRAS


@pytest.mark.parametrize("name", FORMATS)
def test_every_known_format_has_advice(name: str) -> None:
    advice = runtime_package(name)
    assert ("pip install" in advice) == (name in EXTRAS)
    assert name in advice


def test_unknown_names_have_no_advice() -> None:
    assert runtime_package("wine") == ""
    assert storage_package("wine") == ""


def test_a_list_of_nothing_says_so() -> None:
    assert listed([]) == "none"


def test_pmml_has_advice_that_leads_somewhere() -> None:
    advice = runtime_package("pmml")
    assert "skops (format sklearn) or ONNX (format onnx)" in advice
    assert "inferry-runtime-pmml" not in advice
