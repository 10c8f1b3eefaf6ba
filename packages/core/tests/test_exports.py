"""What is public: a sorted `__all__` in every package and module of the contract."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

PACKAGES = ("api", "config", "planning", "plugins", "status", "testing")
MODULES = ("autoscaling", "backends", "errors", "model", "storage")


def kind(name: str) -> tuple[int, str]:
    """Order names as ruff does: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("name", PACKAGES + MODULES)
def test_all_is_sorted_and_resolves(name: str) -> None:
    module = import_module(f"inferry.{name}")
    assert module.__all__ == sorted(set(module.__all__), key=kind)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_shows_nothing_besides(name: str) -> None:
    package = import_module(f"inferry.{name}")
    assert set(package.__all__) == {
        each for each, value in vars(package).items() if is_public(each, value)
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_exports_all_that_it_defines(name: str) -> None:
    module = import_module(f"inferry.{name}")
    defined = {
        each
        for each, value in vars(module).items()
        if is_public(each, value)
        and getattr(value, "__module__", "") == module.__name__
    }
    assert defined <= set(module.__all__)


def is_public(name: str, value: Any) -> bool:
    return not name.startswith("_") and not isinstance(value, ModuleType)
