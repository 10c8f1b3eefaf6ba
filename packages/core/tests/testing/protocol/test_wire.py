"""The kit's own reading and writing of V2, against examples and against itself."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.model import DATATYPES, Tensor
from inferry.testing.protocol import wire

NUMERIC = [name for name in DATATYPES if name != "BYTES"]


def tensor(datatype: str, values: list[Any], shape: tuple[int, ...]) -> Tensor:
    dtype = wire.dtype_of(datatype)
    data = (
        wire.objects(values, shape)
        if datatype == "BYTES"
        else np.array(values, dtype).reshape(shape)
    )
    return Tensor(name="x", datatype=datatype, data=data)


def answered(body: wire.Body) -> wire.Answer:
    """Read a request as if it were an answer: inputs are written as outputs are."""
    length = int(body.headers.get(wire.HEADER_LENGTH, len(body.content)))
    document = json.loads(body.content[:length])
    document["outputs"] = document.pop("inputs")
    text = json.dumps(document).encode()
    headers = dict(body.headers)
    if wire.HEADER_LENGTH in headers:
        headers[wire.HEADER_LENGTH] = str(len(text))
    content = text + body.content[length:]
    return wire.read(httpx.Response(200, headers=headers, content=content))


def test_bytes_are_written_with_their_lengths() -> None:
    """The example of the protocol's text."""
    given_ = tensor("BYTES", [b"ab", b"", b"\xff"], (3,))
    assert wire.to_raw(given_) == (
        b"\x02\x00\x00\x00ab\x00\x00\x00\x00\x01\x00\x00\x00\xff"
    )


@pytest.mark.parametrize("datatype", list(DATATYPES))
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_what_is_written_is_read(datatype: str, *, binary: bool) -> None:
    values = [b"one", b"two"] if datatype == "BYTES" else [0, 1]
    sent = tensor(datatype, values, (1, 2))
    answer = answered(wire.body([sent], binary=binary))
    got = answer.outputs["x"]
    assert (got.datatype, got.data.shape) == (datatype, (1, 2))
    assert wire.to_raw(got) == wire.to_raw(sent)
    assert answer.binary == ({"x"} if binary else set())


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_any_bytes_come_back(values: list[bytes]) -> None:
    raw = wire.to_raw(tensor("BYTES", values, (len(values),)))
    assert wire.from_raw(raw, "BYTES", [len(values)]).tolist() == values


def test_an_array_that_is_not_contiguous_is_written_row_by_row() -> None:
    data = np.arange(6, dtype="int16").reshape(2, 3).T
    raw = wire.to_raw(Tensor(name="x", datatype="INT16", data=data))
    assert np.frombuffer(raw, "int16").tolist() == [0, 3, 1, 4, 2, 5]


def test_bytes_behind_the_last_output_are_a_fault() -> None:
    text = json.dumps({"outputs": []}).encode()
    headers = {wire.HEADER_LENGTH: str(len(text))}
    with pytest.raises(ValueError, match="4 bytes follow"):
        wire.read(httpx.Response(200, headers=headers, content=text + b"more"))


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": "why"}, "why"),
        ({"detail": "why"}, ""),
        ({"error": "why", "more": 1}, ""),
        ({"error": 7}, ""),
        ([], ""),
    ],
)
def test_an_error_is_one_text(document: Any, error: str) -> None:
    assert wire.read(httpx.Response(400, json=document)).error == error
