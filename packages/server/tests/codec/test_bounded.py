"""Documents that become far more objects than they have bytes."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import InvalidInput
from inferry.model import ModelMetadata
from inferry_server.codec import bounded, generate, v1, v2

if TYPE_CHECKING:
    from collections.abc import Callable

V2 = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[%b]}]}'
NUMBERS = V2.replace(b"%b", b"1").removesuffix(b"}") + b',"parameters":{%b}}'


def in_v1(body: bytes) -> object:
    return v1.decode(memoryview(body), ModelMetadata())


def in_v2(body: bytes) -> object:
    return v2.decode(memoryview(body))


def in_generate(body: bytes) -> object:
    return generate.decode(memoryview(body), ModelMetadata())


LISTS = b",".join([b"[]"] * (bounded.MOST_LISTS + 1))
OBJECTS = b",".join([b'{"a":1}'] * (bounded.MOST_MEMBERS + 1))
MEMBERS = b",".join(b'"%d":0' % number for number in range(bounded.MOST_MEMBERS + 1))


@pytest.mark.parametrize(
    ("decode", "body", "what"),
    [
        (in_v1, b'{"instances":[%b]}' % LISTS, "lists and objects"),
        (in_v1, b'{"instances":[%b]}' % OBJECTS, "members"),
        (in_v2, V2 % LISTS, "lists and objects"),
        (in_v2, b'{"inputs":[],"parameters":{%b}}' % MEMBERS, "members"),
        (in_v2, NUMBERS % MEMBERS, "members"),
        (in_generate, b'{"x":[%b]}' % LISTS, "lists and objects"),
    ],
)
def test_a_document_of_too_many_parts_is_refused_unread(
    decode: Callable[[bytes], object], body: bytes, what: str
) -> None:
    with pytest.raises(InvalidInput, match=f"the JSON has [0-9]+ {what}, at most"):
        decode(body)


def test_large_documents_are_read_as_before_and_collecting_goes_on() -> None:
    rows: list[Any] = [{"a": number, "b": "x"} for number in range(20_000)]
    body = json.dumps({"instances": rows}).encode()
    assert len(body) > bounded.LARGE
    assert len(v1.decode(memoryview(body), ModelMetadata()).inputs) == 2
    assert gc.isenabled()
    with pytest.raises(InvalidInput, match="not JSON"):
        v1.decode(memoryview(body[:-1]), ModelMetadata())
    assert gc.isenabled()
