"""The public face of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import inferry_storage


def test_all_is_sorted_and_importable() -> None:
    assert inferry_storage.__all__ == sorted(inferry_storage.__all__)
    for name in inferry_storage.__all__:
        assert getattr(inferry_storage, name).__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        inferry_storage.Nothing  # noqa: B018 - the access is the test


def test_the_descriptors_import_no_client() -> None:
    code = "import sys, inferry_storage.plugin; sys.exit('httpx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
