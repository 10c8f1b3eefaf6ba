"""Names from outside stay inside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import UnsafePath
from inferry_storage.checking import names


@pytest.mark.parametrize(
    "path",
    [
        *("", "/a", "a//b", "a/", "../a", "a/../b", ".", "./a", "a/."),
        *("a\\b", "C:a", "c:/a", "a\0b", "a\nb", "a\x7fb", "a\x85b", "a\ud800b"),
        *("x" * 256, "é" * 128, "/".join(["x" * 200] * 16), "a/" * 100 + "a"),
        *("safe\u202egnp.bin", "a\u2066b", "a\u2028b", "\ufeffa", "a\u200fb"),
        *(".inferry", ".inferry/a", ".Inferry-unpacked/a", ".journal", ".JOURNAL/a"),
    ],
)
def test_an_unsafe_name_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath) as caught:
        names.check(["fine", path], uri="s3://user:secret@b/m?sig=secret")

    message = str(caught.value)
    assert message.startswith("s3://b/m: the file name ")
    assert "secret" not in message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    "pair",
    [
        *(("a", "A"), ("a", "a"), ("\u00e9", "e\u0301"), ("ß", "SS"), ("a/B", "A/b")),
        *(("a", "a/b"), ("a/b", "a"), ("A", "a/b/c"), ("a/b/c", "A/B")),
    ],
)
def test_names_that_hide_each_other_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(UnsafePath):
        names.check(pair)


def test_safe_names_pass() -> None:
    names.check(
        [
            *("model.onnx", "a/b/c.bin", "a/b/d", ".hidden", "größe.txt", "a..b"),
            *("模型/权重.bin", "x" * 255, "ab:c", "a/.inferry", "~", "-rf", "a b"),
            "a\u200db",
        ]
    )


def test_many_names_take_little_time() -> None:
    many = [f"layer-{n % 100}/sub/part-{n:06}.safetensors" for n in range(100_000)]
    started = time.process_time()

    names.check(many)

    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/model.onnx", "model.onnx"),
        ("/a/model/", "model"),
        ("/", "model"),
        ("/..", "model"),
        ("/a\\b:c", "a_b_c"),
        ("/.inferry", "inferry"),
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


@given(st.lists(st.text(max_size=20), max_size=5))
def test_what_passes_is_written_apart_and_inside(paths: list[str]) -> None:
    try:
        names.check(paths)
    except UnsafePath:
        return
    root = Path("/folder")
    written = {(root / path).as_posix() for path in paths}
    assert len(written) == len(paths)
    assert all(Path(each).is_relative_to(root) for each in written)
    assert all(".." not in Path(each).parts for each in written)
