"""Which files are fetched: patterns of the settings and of KServe's variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferry.storage import EmptyModel, Entry, Snapshot
from inferry_storage.fetching.selecting import Patterns
from inferry_storage.policy import Policy

SNAPSHOT = Snapshot(
    uri="s3://bucket/model?token=secret",
    id="1",
    entries=tuple(Entry(path=p) for p in ("a.bin", "b.txt", "sub/c.bin")),
)


def paths(patterns: Patterns) -> list[str]:
    return [entry.path for entry in patterns.select(SNAPSHOT).entries]


def policy(**more: tuple[str, ...]) -> Policy:
    return Policy(cache_dir=Path("/nowhere"), **more)


def test_without_patterns_all_is_wanted() -> None:
    assert Patterns().select(SNAPSHOT) is SNAPSHOT


def test_a_star_crosses_folders() -> None:
    assert paths(Patterns(allow=("*.bin",))) == ["a.bin", "sub/c.bin"]


def test_ignore_wins_over_allow() -> None:
    assert paths(Patterns(allow=("*",), ignore=("sub/*",))) == ["a.bin", "b.txt"]


@pytest.mark.parametrize("text", ['["*.bin", "b*"]', "*.bin, b*,"])
def test_kserves_variables_are_a_json_list_or_words(text: str) -> None:
    found = Patterns.of(policy(), {"STORAGE_ALLOW_PATTERNS": text})

    assert found == Patterns(allow=("*.bin", "b*"))


def test_a_setting_wins_over_the_variable() -> None:
    environ = {"STORAGE_IGNORE_PATTERNS": "*.bin"}

    found = Patterns.of(policy(ignore_patterns=("*.txt",)), environ)

    assert found == Patterns(ignore=("*.txt",))


def test_an_empty_model_is_refused() -> None:
    empty = Snapshot(uri="s3://bucket/model", id="1", entries=())

    with pytest.raises(EmptyModel, match="holds no files"):
        Patterns().select(empty)


def test_when_nothing_is_left_it_says_what_is_there() -> None:
    with pytest.raises(EmptyModel, match=r"it holds a\.bin, b\.txt, sub/c\.bin") as got:
        Patterns(allow=("*.onnx",)).select(SNAPSHOT)

    assert "secret" not in str(got.value)
