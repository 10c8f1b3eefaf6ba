"""Requests from their bytes to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry.model import DATATYPES
from inferry_server.codec import tensors
from inferry_server.grpc import requests
from inferry_server.grpc.messages import message

Message = message("ModelInferRequest")
MOST = 2**20
NUMERIC = sorted(set(DATATYPES) - {"BYTES", "BF16"})


def decoded(made: Any, memory: Any = None) -> requests.Request:
    body = made.SerializeToString()
    return requests.decode(*requests.parse(body), max_elements=MOST, memory=memory)


def with_input(**more: Any) -> Any:
    fields = {"name": "x", "datatype": "INT32", "shape": [1], **more}
    return Message(model_name="m", inputs=[fields])


def example(datatype: str, shape: tuple[int, ...]) -> Any:
    numbers = np.random.default_rng(1).integers(0, 2, shape)
    return numbers.astype(DATATYPES[datatype])


@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,), (2, 0), (), (5, 4, 300)])
@pytest.mark.parametrize("datatype", NUMERIC)
def test_raw_bytes_become_the_array(datatype: str, shape: tuple[int, ...]) -> None:
    data = example(datatype, shape)
    made = with_input(datatype=datatype, shape=shape)
    made.raw_input_contents.append(data.tobytes())
    request = decoded(made)
    assert not request.typed
    assert request.inputs[0].data.dtype == data.dtype
    np.testing.assert_array_equal(request.inputs[0].data, data)


@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,), (2, 0), (), (5, 4, 300)])
@pytest.mark.parametrize("datatype", sorted(set(NUMERIC) - {"FP16"}))
def test_typed_values_become_the_array(datatype: str, shape: tuple[int, ...]) -> None:
    data = example(datatype, shape)
    field, values = tensors.to_contents(data, datatype)
    made = with_input(datatype=datatype, shape=shape, contents={field: values})
    request = decoded(made)
    assert request.typed
    assert request.inputs[0].data.dtype == data.dtype
    np.testing.assert_array_equal(request.inputs[0].data, data)


@given(st.lists(st.floats(width=32), max_size=50))
def test_typed_floats_keep_every_bit(values: list[float]) -> None:
    sent = np.array(values, np.float32)
    contents = {"fp32_contents": values}
    made = with_input(datatype="FP32", shape=[len(values)], contents=contents)
    assert decoded(made).inputs[0].data.tobytes() == sent.tobytes()


@given(st.lists(st.binary(max_size=20), max_size=9), st.booleans())
def test_bytes_may_be_any(values: list[bytes], is_raw: bool) -> None:  # noqa: FBT001 - drawn
    made = with_input(datatype="BYTES", shape=[len(values)])
    if is_raw:
        data = np.empty(len(values), object)
        data[:] = values
        made.raw_input_contents.append(bytes(tensors.to_raw(data, "BYTES")))
    else:
        made.inputs[0].contents.bytes_contents.extend(values)
        made.inputs[0].contents.SetInParent()
    assert decoded(made).inputs[0].data.tolist() == values


def test_large_raw_bytes_are_not_copied_where_they_are_aligned() -> None:
    data = np.arange(100_000, dtype=np.uint8)
    made = with_input(datatype="UINT8", shape=[100_000])
    made.raw_input_contents.append(data.tobytes())
    body = made.SerializeToString()
    request = requests.decode(*requests.parse(body), max_elements=MOST)
    mine = request.inputs[0].data
    assert np.shares_memory(mine, np.frombuffer(body, np.uint8))


def test_everything_else_of_a_request_is_read() -> None:
    made = with_input(contents={"int_contents": [7]})
    made.model_version, made.id = "3", "an id"
    made.parameters["a"].int64_param = 1
    made.inputs[0].parameters["b"].bool_param = True
    made.outputs.add(name="y").parameters["classification"].int64_param = 2
    request = decoded(made)
    assert (request.model, request.version, request.id) == ("m", "3", "an id")
    assert request.parameters == {"a": 1}
    assert request.inputs[0].parameters == {"b": True}
    assert request.wanted.names == ("y",)
    assert request.wanted.classes == {"y": 2}


def refused(made: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        decoded(made)
    return str(caught.value)


def test_raw_and_typed_in_one_request_are_refused_as_kserve_does() -> None:
    made = with_input(contents={"int_contents": [7]})
    made.raw_input_contents.append(b"\0\0\0\0")
    assert refused(made) == (
        "contents field must not be specified when using raw_input_contents for input "
        "'x' for model 'm'"
    )


def test_raw_bytes_for_some_inputs_are_refused_as_kserve_does() -> None:
    made = with_input()
    made.inputs.add(name="y", datatype="INT32", shape=[1])
    made.raw_input_contents.append(b"\0\0\0\0")
    assert refused(made) == (
        "the number of inputs (2) does not match the expected number of raw input "
        "contents (1) for model 'm'."
    )


@pytest.mark.parametrize(
    ("fields", "raw", "text"),
    [
        ({}, b"\0" * 5, "5 bytes of data, expected 4 for INT32"),
        ({"shape": [2]}, b"\0" * 4, "4 bytes of data, expected 8 for INT32"),
        ({"shape": [-1]}, b"\0" * 4, "negative dimension"),
        ({"shape": [2**40, 2**40]}, b"\0" * 4, "is too large"),
        ({"shape": [2**21]}, b"\0" * 4, "at most 1048576"),
        ({"datatype": "INT"}, b"\0" * 4, "unknown datatype 'INT'"),
        ({"datatype": "BOOL"}, b"\2", "neither 0 nor 1"),
        ({"datatype": "BYTES"}, b"\7\0\0\0a", "data ends within element 0"),
        ({"contents": {}}, None, "int_contents has 0 values, expected 1"),
        ({}, None, "int_contents has 0 values, expected 1"),
        ({"shape": [-1], "datatype": "FP32"}, None, "negative dimension"),
        ({"contents": {"int_contents": [1, 2]}}, None, "has 2 values, expected 1"),
        (
            {"datatype": "FP32", "contents": {"fp32_contents": [1, 2]}},
            None,
            "fp32_contents has 2 values, expected 1",
        ),
        (
            {"datatype": "FP32", "contents": {"int_contents": [1]}},
            None,
            "int_contents is given, expected fp32_contents",
        ),
        (
            {
                "datatype": "FP32",
                "contents": {"fp32_contents": [1], "fp64_contents": [1]},
            },
            None,
            "fp64_contents is given, expected fp32_contents",
        ),
        (
            {"datatype": "INT8", "contents": {"int_contents": [300]}},
            None,
            "out of the range of INT8",
        ),
        ({"datatype": "FP16"}, None, "has no typed contents; send it in raw"),
    ],
)
def test_wrong_tensors_are_refused(
    fields: dict[str, Any], raw: bytes | None, text: str
) -> None:
    made = with_input(**fields)
    if raw is not None:
        made.raw_input_contents.append(raw)
    assert text in refused(made)


def test_an_input_that_is_given_twice_is_refused() -> None:
    made = with_input(contents={"int_contents": [1]})
    made.inputs.append(made.inputs[0])
    assert refused(made) == "input 'x' is given twice"


def test_a_name_that_is_too_long_is_refused() -> None:
    assert "at most 1024" in refused(with_input(name="x" * 5000))


def test_an_input_without_a_name_is_refused() -> None:
    assert refused(with_input(name="")) == "an input has no name"


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x05ab", b"\x0a\x01\xff"])
@pytest.mark.parametrize("padding", [0, 20_000])
def test_what_is_no_message_is_refused(body: bytes, padding: int) -> None:
    unknown = b"\xa2\x01" + b"\xa0\x9c\x01" + bytes(padding) if padding else b""
    with pytest.raises(InvalidInput, match="the message is"):
        requests.parse(unknown + body)


class Memory:
    """Shared memory with one region."""

    def __init__(self) -> None:
        self.data = bytearray(16)

    def read(self, region: str, offset: int, size: int) -> memoryview:
        assert region == "r"
        return memoryview(self.data)[offset : offset + size]

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        assert region == "r"
        self.data[offset : offset + len(data)] = data


def shared(made: Any, size: int, offset: int = 0) -> Any:
    given = made.inputs[-1].parameters
    given["shared_memory_region"].string_param = "r"
    given["shared_memory_byte_size"].int64_param = size
    given["shared_memory_offset"].int64_param = offset
    return made


def test_an_input_in_shared_memory_is_not_among_the_raw_bytes() -> None:
    memory = Memory()
    memory.data[4:8] = np.int32(9).tobytes()
    made = with_input(name="first")
    made.inputs.add(name="second", datatype="INT32", shape=[1])
    made.raw_input_contents.append(np.int32(5).tobytes())
    request = decoded(shared(made, 4, 4), memory)
    assert [tensor.data.tolist() for tensor in request.inputs] == [[5], [9]]


def test_shared_memory_that_is_not_there_is_refused() -> None:
    assert "was started without shared memory" in refused(shared(with_input(), 4))


def test_contents_and_shared_memory_at_once_are_refused() -> None:
    made = with_input(contents={"int_contents": [7]})
    with pytest.raises(InvalidInput, match="both contents and"):
        decoded(shared(made, 4), Memory())
