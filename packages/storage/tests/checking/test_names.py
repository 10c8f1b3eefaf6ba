"""Names from outside stay inside."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import StorageError
from inferry_storage.checking import names


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a//b", "../a", "a/../b", ".", "a\\b", "C:a", "a\0b", "a\nb", "x" * 256],
)
def test_an_unsafe_name_is_refused(path: str) -> None:
    with pytest.raises(StorageError) as caught:
        names.check([path])

    assert caught.value.reason == "StorageCorrupt"


@pytest.mark.parametrize("pair", [("a", "A"), ("a", "a"), ("\u00e9", "e\u0301")])
def test_names_that_hide_each_other_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(StorageError, match="the same name"):
        names.check(pair)


def test_safe_names_pass() -> None:
    names.check(["model.onnx", "a/b/c.bin", ".hidden", "größe.txt", "a..b"])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/model.onnx", "model.onnx"),
        ("/a/model/", "model"),
        ("/", "model"),
        ("/..", "model"),
        ("/a\\b:c", "a_b_c"),
        ("/" + "x" * 300 + ".onnx", "x" * 250 + ".onnx"),
    ],
)
def test_a_url_gives_a_name(path: str, name: str) -> None:
    assert names.from_url(path) == name


@given(st.text())
def test_any_url_gives_a_safe_name(path: str) -> None:
    name = names.from_url(path.encode("utf-8", "ignore").decode())

    names.check([name])
    assert (Path("/folder") / name).parent == Path("/folder")
