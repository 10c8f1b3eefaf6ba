"""The public face of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import inferry_server


def test_all_is_sorted_and_importable() -> None:
    assert inferry_server.__all__ == sorted(inferry_server.__all__)
    for name in inferry_server.__all__:
        assert getattr(inferry_server, name).__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        inferry_server.Nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize("module", ["plugin", "cpu", "settings", "states"])
def test_the_light_modules_import_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, inferry_server.{module}; "
        "sys.exit(bool({'numpy', 'uvicorn', 'fastapi', 'orjson'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_the_server_does_not_import_fastapi() -> None:
    code = "import sys, inferry_server.server; sys.exit('fastapi' in sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
