"""What a pickle would call is found, and what only holds data passes."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import decimal
import io
import pickle
import pickletools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry_storage.checking.pickles import names_in
from inferry_storage.testing._pickles import HARMFUL, computed, encodings

DATA = {
    "numbers": [1, -1, 2**70, 1.5, 1j, None, True],
    "text": ["a", "ü" * 300, "x" * 70_000, b"bytes", bytearray(b"more")],
    "containers": [(), (1,), (1, 2, 3, 4), {1, 2}, frozenset({3}), {"a": {"b": []}}],
    "order": collections.OrderedDict(a=1),
    "time": [
        dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        decimal.Decimal("1.5"),
    ],
}


class Evil:
    def __reduce__(self) -> Any:
        return eval, ("1",)


def names(data: bytes, *, certain: bool = False) -> list[str]:
    return names_in(io.BufferedReader(io.BytesIO(data)), certain=certain)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_data_passes(protocol: int) -> None:
    assert names(pickle.dumps(DATA, protocol), certain=True) == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_call_is_named(protocol: int) -> None:
    data = pickle.dumps([DATA, {"deep": [Evil()]}], protocol)

    assert names(data)[0].endswith(
        "builtin__.eval" if protocol < 3 else "builtins.eval"
    )


@pytest.mark.parametrize(("module", "name"), HARMFUL)
def test_every_way_to_a_name_is_seen(module: str, name: str) -> None:
    assert [way for way, data in encodings(module, name) if not names(data)] == []


@pytest.mark.parametrize(("way", "data"), list(computed()))
def test_what_nobody_can_know_is_harmful(way: str, data: bytes) -> None:
    assert names(data)


@pytest.mark.parametrize(
    "text",
    [
        b"cat\ndog\nbird\n",
        b'{"a": 1}',
        b"(in brackets\nand more\n)",
        b"item\nother\n",
        b"import os\nos.system\n",
        b"# A heading\n\nSome words.\n",
        b"classes: 3\nnames: [a, b]\n",
        bytes(1000),
        bytes(range(256)) * 10,
        b"\x82\x01\x00\x00\x00\x00\x00\x00{",
        b"",
    ],
)
def test_what_is_no_pickle_passes(text: bytes) -> None:
    assert names(text) == []


def test_a_pickle_by_name_must_be_one() -> None:
    assert names(b"some text", certain=True) == ["bytes that are no pickle"]
    assert names(b"\x80\x04N.", certain=True) == []


def test_nothing_is_kept_of_large_values() -> None:
    class Counting(io.BytesIO):
        largest = 0

        def readinto(self, buffer: Any, /) -> int:
            self.largest = max(self.largest, len(buffer))
            return super().readinto(buffer)

    file = Counting(pickle.dumps(bytes(8 << 20)))

    assert names_in(io.BufferedReader(file, 8192), certain=True) == []
    assert file.largest <= 1 << 20


@given(st.binary(max_size=300))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    names(data)
    names(b"\x80\x04" + data)


class Calls(pickle._Unpickler):  # type: ignore[name-defined] # Python's own machine, in Python
    """Loads with names that only say that they were called."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.called: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        if not all(part.isidentifier() for part in f"{module}.{name}".split(".")):
            raise ImportError(name)

        def called(*_: Any, **__: Any) -> Any:
            self.called.append(f"{module}.{name}")
            return called

        return called


CODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
PIECES = st.one_of(
    st.sampled_from(CODES),
    st.sampled_from([b"cos\nsystem\n", b"(S'a'\n", b"\x8c\x02os", b"tR", b")R", b"N"]),
    st.sampled_from(
        [b"p0\n", b"g0\n", b"q\x00", b"h\x00", b"\x94", b"2", b"0", b"\x93"]
    ),
    st.binary(max_size=3),
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_what_pythons_machine_calls_is_found(data: bytes) -> None:
    """Whatever Python's machine would call, ours says; it may say more."""
    python = Calls(data)
    # Whatever stops it, calls came before.
    with contextlib.suppress(Exception):
        python.load()
    if any(each == "os.system" for each in python.called):
        assert names(data)
