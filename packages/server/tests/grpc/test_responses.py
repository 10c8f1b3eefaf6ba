"""Answers from tensors to bytes, read back by protobuf."""

from __future__ import annotations

from typing import Any

import drawn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry.model import DATATYPES, InferResponse, Tensor
from inferry_server.codec import tensors
from inferry_server.codec.shared_memory import Region
from inferry_server.codec.wanted import EVERYTHING, Wanted
from inferry_server.grpc import responses
from inferry_server.grpc.messages import message
from inferry_server.grpc.requests import Request

NUMERIC = sorted(set(DATATYPES) - {"BYTES", "BF16"})


def asked(*, typed: bool = False, wanted: Wanted = EVERYTHING, id: str = "") -> Request:  # noqa: A002 - its name
    return Request("m", None, id, (), wanted, {}, typed)


def answer(
    *outputs: Tensor, request: Request | None = None, memory: Any = None, **more: Any
) -> Any:
    written = responses.encode(
        InferResponse(outputs=outputs, **more),
        request or asked(),
        model="m",
        version="2",
        memory=memory,
    )
    return message("ModelInferResponse").FromString(written)


def output(datatype: str, data: Any, **more: Any) -> Tensor:
    return Tensor(name="y", datatype=datatype, data=data, **more)


@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,), (2, 0), (), (40, 200)])
@pytest.mark.parametrize("datatype", NUMERIC)
def test_raw_answers_have_the_bytes(datatype: str, shape: tuple[int, ...]) -> None:
    data = np.random.default_rng(1).integers(0, 2, shape).astype(DATATYPES[datatype])
    made = answer(output(datatype, data), request=asked(id="é"))
    assert (made.model_name, made.model_version, made.id) == ("m", "2", "é")
    assert list(made.raw_output_contents) == [data.tobytes()]
    item = made.outputs[0]
    assert (item.name, item.datatype, tuple(item.shape)) == ("y", datatype, shape)
    assert not item.HasField("contents")


@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,), (40, 200)])
@pytest.mark.parametrize("datatype", sorted(set(NUMERIC) - {"FP16"}))
def test_typed_answers_have_the_values(datatype: str, shape: tuple[int, ...]) -> None:
    data = np.random.default_rng(1).integers(0, 2, shape).astype(DATATYPES[datatype])
    made = answer(output(datatype, data), request=asked(typed=True))
    assert not made.raw_output_contents
    item = made.outputs[0]
    assert item.HasField("contents")
    field = tensors.CONTENTS[datatype]
    assert list(getattr(item.contents, field)) == data.ravel().tolist()


@given(drawn.tensors(text_only=False), st.booleans(), st.booleans())
def test_an_answer_that_repeats_is_written_alike(
    tensor: Tensor,
    is_typed: bool,  # noqa: FBT001 - drawn
    has_parameters: bool,  # noqa: FBT001 - drawn
) -> None:
    given_back = {"a": 1} if has_parameters else {}
    other = output("INT32", np.zeros(2, np.int32), parameters=given_back)
    response = InferResponse(outputs=(tensor, other))
    request = asked(typed=is_typed)
    responses._begins.clear()
    first, second = (
        responses.encode(response, request, model="m", version="2") for _ in range(2)
    )
    assert first == second


@given(st.lists(st.binary(max_size=20), max_size=9), st.booleans())
def test_bytes_may_be_any(values: list[bytes], is_typed: bool) -> None:  # noqa: FBT001 - drawn
    data = np.empty(len(values), object)
    data[:] = values
    made = answer(output("BYTES", data), request=asked(typed=is_typed))
    if is_typed:
        assert list(made.outputs[0].contents.bytes_contents) == values
    else:
        raw = memoryview(made.raw_output_contents[0])
        back = tensors.from_raw(raw, "BYTES", [len(values)], "y")
        assert back.tolist() == values


def test_an_output_without_typed_contents_makes_all_raw() -> None:
    half = output("FP16", np.ones(2, np.float16))
    whole = output("FP32", np.ones(1, np.float32))
    made = answer(half, whole, request=asked(typed=True))
    assert [len(raw) for raw in made.raw_output_contents] == [4, 4]


def test_an_array_in_another_order_is_written_row_by_row() -> None:
    data = np.arange(6, dtype=np.int32).reshape(2, 3).T
    made = answer(output("INT32", data))
    assert made.raw_output_contents[0] == data.tobytes("C")


def test_parameters_go_along_but_not_what_an_input_said_of_itself() -> None:
    given = {"a": 1, "shared_memory_region": "r", "binary_data_size": 4}
    tensor = output("INT32", np.zeros(1, np.int32), parameters=given)
    made = answer(tensor, parameters={"b": "text"})
    assert made.parameters["b"].string_param == "text"
    assert list(made.outputs[0].parameters) == ["a"]


def test_a_classified_output_is_text() -> None:
    data = np.array([[0.5, 2, 1]], np.float32)
    wanted = Wanted(names=("y",), classes={"y": 2})
    made = answer(output("FP32", data), request=asked(wanted=wanted))
    assert made.outputs[0].datatype == "BYTES"
    raw = memoryview(made.raw_output_contents[0])
    texts = tensors.from_raw(raw, "BYTES", [1, 2], "y").tolist()
    assert texts == [[b"2.000000:1", b"1.000000:2"]]


class Memory:
    def __init__(self) -> None:
        self.written: list[tuple[str, int, bytes]] = []

    def read(self, region: str, offset: int, size: int) -> memoryview:
        raise AssertionError

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        self.written.append((region, offset, bytes(data)))


@pytest.mark.parametrize("is_typed", [False, True])
def test_an_output_for_shared_memory_goes_there(is_typed: bool) -> None:  # noqa: FBT001 - a parameter
    memory = Memory()
    wanted = Wanted(regions={"y": Region("r", 8, 4)})
    request = asked(wanted=wanted, typed=is_typed)
    data = np.array([7], np.int32)
    made = answer(output("INT32", data), request=request, memory=memory)
    assert memory.written == [("r", 4, data.tobytes())]
    assert not made.raw_output_contents
    assert not made.outputs[0].HasField("contents")
    told = made.outputs[0].parameters
    assert told["shared_memory_region"].string_param == "r"
    assert told["shared_memory_byte_size"].int64_param == 4
    assert told["shared_memory_offset"].int64_param == 4


def test_an_output_that_is_too_large_for_its_region_is_refused() -> None:
    wanted = Wanted(regions={"y": Region("r", 2)})
    with pytest.raises(InvalidInput, match="the output takes 4 bytes"):
        answer(
            output("INT32", np.zeros(1, np.int32)),
            request=asked(wanted=wanted),
            memory=Memory(),
        )
