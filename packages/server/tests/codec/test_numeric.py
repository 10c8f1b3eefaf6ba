"""Large numeric documents: the quick reader never answers unlike the slow one."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from drawn import KNOWN
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry.model import ModelMetadata, TensorSpec
from inferry_server.codec import numeric, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("simdjson", reason="no wheel for this Python")


@contextmanager
def reading(*, quickly: bool) -> Iterator[None]:
    """Let documents of any size be read in one of the two ways."""
    with pytest.MonkeyPatch.context() as patch:
        size = 0 if quickly else 2**60
        for module in (v1, v2):
            patch.setattr(module, "SMALL", size)
        yield


def outcome(read: Any, *args: Any) -> Any:
    try:
        found = read(*args)
    except InvalidInput as error:
        return str(error)
    inputs = [
        (tensor.name, tensor.datatype, tensor.data.dtype, tensor.data.shape)
        for tensor in found.inputs
    ]
    values = [
        tensor.data.tolist() if tensor.data.dtype == object else tensor.data.tobytes()
        for tensor in found.inputs
    ]
    rest = {name: getattr(found, name) for name in found.__struct_fields__[1:]}
    return inputs, values, rest


def both(read: Any, text: bytes, *args: Any) -> Any:
    with reading(quickly=False):
        slow = outcome(read, memoryview(text), *args)
    with reading(quickly=True):
        quick = outcome(read, memoryview(text), *args)
    assert quick == slow
    return quick


SMALL_INTEGERS = st.integers(-20, 100).map(str)
FRACTIONS = st.floats(-1e38, 1e38).map(repr)
KINDS = st.sampled_from(
    [
        SMALL_INTEGERS,
        st.integers(0, 127).map(str),
        st.integers(-(2**63), 2**63 - 1).map(str),
        st.integers(2**63 - 2, 2**64 - 1).map(str),
        FRACTIONS,
        st.floats(width=16, allow_nan=False, allow_infinity=False).map(repr),
        SMALL_INTEGERS | FRACTIONS,
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.sampled_from(["0", "-0", "-0.0", "1e2", "1E+2", "16777217", "1.0"]),
        st.sampled_from(["9007199254740993", "1e-400", "3.4028235677973366e38"]),
    ]
)
BAD = st.sampled_from(
    [
        *("true", "null", '"1"', "[1]", "[]", "{}", '{"a": 1}', "NaN", "Infinity"),
        *("1e400", "-1e400", "01", "1.", ".5", "+1", "1e39", "1_0", "", "184467440737"),
        *("18446744073709551616", "123456789012345678901234567890", "2" * 400),
    ]
)
#: One document in ten goes wrong in each of several ways.
SOMETIMES = 9


def nested(tokens: list[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return tokens[0]
    step = len(tokens) // max(shape[0], 1)
    parts = [tokens[at * step : (at + 1) * step] for at in range(shape[0])]
    if len(shape) == 1:
        return f"[{', '.join(tokens)}]"
    return f"[{','.join(nested(part, shape[1:]) for part in parts)}]"


@st.composite
def data(draw: Any) -> tuple[list[int], str]:
    """Return a shape and a text of numbers, mostly of that shape."""
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    count = math.prod(shape)
    tokens = draw(st.lists(draw(KINDS), min_size=count, max_size=count))
    chances = st.integers(0, SOMETIMES)
    if draw(chances) == SOMETIMES:
        tokens[draw(st.integers(0, count - 1))] = draw(BAD)
    text = nested(tokens, draw(st.sampled_from([tuple(shape), (count,)])))
    if draw(chances) == SOMETIMES:
        at = draw(st.integers(0, len(text)))
        wrong = draw(st.sampled_from(["[", "]", ",", " ", "-", "1", '"']))
        text = text[:at] + wrong + text[at:]
    if draw(chances) == SOMETIMES:
        shape = draw(st.lists(st.integers(-1, 4), max_size=4))
    return shape, text


@settings(max_examples=250, deadline=None)
@given(
    data(),
    st.sampled_from([*KNOWN, *["FP32", "FP64", "INT64", "UINT64"] * 3, "FP8"]),
    st.sampled_from(
        [
            *[""] * 8,
            ', "parameters": {"a": 1}',
            ', "parameters": {"a": "["}',
            ', "parameters": 1',
            ', "data": [1]',
            ', "shape": [1]',
            ', "more": {"deep": [1]}',
            ', "name": "z"',
        ]
    ),
)
def test_v2_reads_the_same_in_both_ways(drawn: Any, datatype: str, more: str) -> None:
    shape, text = drawn
    item = f'{{"name": "x", "shape": {shape}, "datatype": "{datatype}", "data": {text}'
    both(v2.decode, f'{{"inputs": [{item}{more}}}]}}'.encode())


@st.composite
def texts(draw: Any) -> tuple[str, tuple[list[int], str]]:
    """Return a datatype that simdjson does not read, and a tensor that may be of it."""
    datatype = draw(st.sampled_from(["BOOL", "BYTES"]))
    words = {"BOOL": ["true", "false"], "BYTES": ['"a"', '"é"', '"\\n"', '"["']}
    some = st.sampled_from([*words[datatype] * 8, "1", "[]", "null"])
    items = draw(st.lists(some, max_size=3))
    return datatype, ([len(items)], f"[{', '.join(items)}]")


@settings(max_examples=150, deadline=None)
@given(
    data(),
    st.tuples(st.just("FP32"), data()) | texts(),
    st.sampled_from(
        [
            "",
            ', "id": "a"',
            ', "id": 1',
            ', "outputs": [{"name": "y"}]',
            ', "outputs": {}',
            ', "outputs": [{"name": "y", "parameters": {"binary_data": true}}]',
            ', "parameters": {"binary_data_output": true}',
            ', "inputs": []',
            ', "id": "\\ud800"',
        ]
    ),
)
def test_v2_reads_whole_requests_the_same(one: Any, other: Any, more: str) -> None:
    items = [
        f'{{"name": "{name}", "shape": {shape}, "datatype": "{kind}", "data": {text}}}'
        for name, kind, (shape, text) in (("a", "FP32", one), ("b", *other))
    ]
    both(v2.decode, f'{{"inputs": [{", ".join(items)}]{more}}}'.encode())


SPECS = [
    ModelMetadata(),
    *(
        ModelMetadata(inputs=(TensorSpec(name="n", datatype=datatype, shape=shape),))
        for datatype in ("FP32", "FP64", "INT64", "INT8", "UINT64", "BOOL", "BYTES")
        for shape in ((-1, 1), (-1, 2))
    ),
]


@settings(max_examples=250, deadline=None)
@given(
    data(),
    st.sampled_from(SPECS),
    st.sampled_from(["instances", "inputs"]),
    st.sampled_from(["", ', "top": 3', ', "top": [3]', ', "instances": [1]']),
)
@example(([2], "[18446744073709551615, -1]"), SPECS[0], "instances", "")
@example(([2], "[18446744073709551615, 1.5]"), SPECS[0], "instances", "")
@example(([2], "[18446744073709551615, 1]"), SPECS[0], "instances", "")
def test_v1_reads_the_same_in_both_ways(
    drawn: Any, metadata: Any, key: str, more: str
) -> None:
    _, text = drawn
    both(v1.decode, f'{{"{key}": {text}{more}}}'.encode(), metadata)


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT32", "UINT64"])
@pytest.mark.parametrize("flat", [True, False])
def test_a_large_document_is_read_in_the_quick_way(
    datatype: str,
    flat: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = np.arange(40 * 8 * 8).reshape(1, 40, 8, 8)
    item = {
        "name": "x",
        "shape": array.shape,
        "datatype": datatype,
        "data": array.reshape(-1).tolist() if flat else array.tolist(),
    }
    text = memoryview(orjson.dumps({"id": "7" * 8000, "inputs": [item]}))
    assert len(text) > numeric.SMALL
    text = memoryview(orjson.dumps({"inputs": [item], "id": "7" * 8000}))
    monkeypatch.setattr(v2, "_parse", None)
    decoded = v2.decode(text)
    assert decoded.inputs[0].data.tolist() == array.tolist()
    assert decoded.inputs[0].data.flags.writeable
    assert decoded.id == "7" * 8000


def test_large_instances_are_read_in_the_quick_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.arange(6000).reshape(-1, 10) / 8
    text = memoryview(orjson.dumps({"instances": rows.tolist(), "top": 3}))
    assert len(text) > numeric.SMALL
    monkeypatch.setattr(v1, "parse", None)
    decoded = v1.decode(text, SPECS[0])
    assert decoded.inputs[0].data.tolist() == rows.tolist()
    assert decoded.parameters == {"top": 3}


def test_without_simdjson_everything_is_read_in_the_slow_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(numeric, "_simdjson", lambda: None)
    rows = np.arange(6000.0).tolist()
    item = {"name": "x", "shape": [6000], "datatype": "FP64", "data": rows}
    decoded = v2.decode(memoryview(orjson.dumps({"inputs": [item]})))
    assert decoded.inputs[0].data.tolist() == rows


def test_memory_of_the_parser_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric, "_idle", [])
    item = {"name": "x", "shape": [6000], "datatype": "FP64", "data": [0.5] * 6000}
    text = memoryview(orjson.dumps({"inputs": [item]}))
    for _ in range(3):
        v2.decode(text)
    assert len(numeric._idle) == 1
