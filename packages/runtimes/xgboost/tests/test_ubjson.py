"""UBJSON is read as XGBoost writes it, and no further."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry_runtime_xgboost import _ubjson

if TYPE_CHECKING:
    from conftest import Trained


def length(size: int) -> bytes:
    return b"L" + struct.pack(">q", size)


def plain(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items()}
    if isinstance(document, np.ndarray):
        return document.tolist()
    return (
        [plain(each) for each in document] if isinstance(document, list) else document
    )


@pytest.mark.parametrize("kind", ["gbtree", "dart", "gblinear"])
def test_holds_what_the_json_file_holds(trained: Trained, kind: str) -> None:
    booster = trained.booster(booster=kind)
    found = plain(_ubjson.decode(bytes(booster.save_raw("ubj"))))
    expected = json.loads(booster.save_raw("json"))

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(
                same(one[key], other[key]) for key in one
            )
        if isinstance(one, list):
            return len(one) == len(other) and all(map(same, one, other))
        return bool(
            one == pytest.approx(other) if isinstance(one, float) else one == other
        )

    assert same(found, expected)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"l\x00\x00\x00\x07", 7),
        (b"T", True),
        (b"Z", None),
        (b"S" + length(2) + b"ab", "ab"),
        (b"[#" + length(2) + b"TF", [True, False]),
    ],
)
def test_values_of_each_kind(data: bytes, value: object) -> None:
    assert _ubjson.decode(data) == value


def test_numbers_are_not_copied() -> None:
    data = b"[$l#" + length(2) + struct.pack(">ii", 3, -4)
    found = _ubjson.decode(data)
    assert found.tolist() == [3, -4]
    assert not found.flags.owndata


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut off"),
        (b"{", "cut off"),
        (b"{}x", "follow"),
        (b"q", "unknown marker"),
        (b"[x", "unknown array"),
        (b"[$q#", "unknown array"),
        (b"S" + length(3) + b"ab", "cut off"),
        (b"S" + length(-1), "negative"),
        (b"S" + length(2**62), "cut off"),
        (b"Si\x02ab", "no length"),
        (b"[$d#" + length(2**60), "cut off"),
        (b"[#" + length(2**60), "cut off"),
        ((b"[#" + length(1)) * 1000, "too deeply"),
        (b"{" + (length(1) + b"aT") * 2 + b"}", "twice"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _ubjson.decode(data)
