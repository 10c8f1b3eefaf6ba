"""Folders of code, and settings that trust them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Trust the folder of the test, and read no settings of the user's."""
    (tmp_path / "working-directory").mkdir()
    monkeypatch.chdir(tmp_path / "working-directory")
    monkeypatch.delenv("INFERRY_CONFIG", raising=False)
    monkeypatch.setenv("INFERRY_PLUGINS__PYTHON__TRUST", str(tmp_path))
    return monkeypatch


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write ``model.py`` and files beside it; return the folder."""

    def written(code: str, **others: str) -> Path:
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        for name, text in {"model": code, **others}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
        return folder

    return written


@pytest.fixture
def serve(write: Callable[..., Path]) -> Callable[..., Any]:
    """Load a model from its code."""
    from inferry_runtime_python.model import PythonModel

    def served(code: str, **options: Any) -> Any:
        model = PythonModel()
        model.load(write(code), options)
        return model

    return served
