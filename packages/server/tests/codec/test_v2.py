"""The V2 codec: what goes in comes out, for every datatype, in both forms."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import orjson
import pytest
from drawn import KNOWN, same, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferResponse, Tensor
from inferry_server.codec import datatypes, v2, v2_response
from inferry_server.codec.values import object_array


def send_back(tensor: Any, *, binary: bool) -> Tensor:
    """Encode *tensor* as a response and read its outputs as the inputs of a request."""
    wanted = v2.Wanted(binary_by_default=binary)
    body = v2.encode(InferResponse(outputs=(tensor,)), wanted, model="m")
    document = orjson.loads(body.parts[0])
    head = orjson.dumps({"inputs": document["outputs"]})
    whole = memoryview(head + b"".join(body.parts[1:]))
    return v2.decode(whole, len(head) if binary else None).inputs[0]


@settings(max_examples=300, deadline=None)
@given(tensors(text_only=False))
def test_binary_round_trip_keeps_every_bit(tensor: Any) -> None:
    same(tensor, send_back(tensor, binary=True))


@settings(max_examples=300, deadline=None)
@given(tensors(text_only=True))
def test_json_round_trip_keeps_every_value(tensor: Any) -> None:
    same(tensor, send_back(tensor, binary=False))


@given(st.sampled_from([("UINT64", 2**64 - 1), ("INT64", -(2**63))]))
def test_json_keeps_the_largest_integers_exact(case: Any) -> None:
    datatype, value = case
    tensor = Tensor(
        name="x", datatype=datatype, data=np.array([value], datatype.lower())
    )
    assert send_back(tensor, binary=False).data[0] == value


def test_nested_data_means_the_same_as_flat_data() -> None:
    nested = decode(shape=[2, 3], datatype="INT8", data=[[1, 2, 3], [4, 5, 6]])
    flat = decode(shape=[2, 3], datatype="INT8", data=[1, 2, 3, 4, 5, 6])
    assert nested.data.tolist() == flat.data.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_binary_data_is_not_copied() -> None:
    raw = np.arange(1000, dtype=np.float32).tobytes()
    body, length = binary("FP32", [1000], raw, align=16)
    tensor = v2.decode(body, length).inputs[0]
    assert np.shares_memory(tensor.data, np.frombuffer(body, np.uint8))


def test_a_tensor_at_an_odd_address_is_aligned_for_the_model() -> None:
    raw = np.arange(10, dtype=np.float64).tobytes()
    body, length = binary("FP64", [10], raw, align=16, off=3)
    tensor = v2.decode(body, length).inputs[0]
    assert tensor.data.flags.aligned
    assert tensor.data.tolist() == list(range(10))


def test_the_output_parameter_wins_over_the_request_parameter() -> None:
    wanted = parse(
        {
            "inputs": [],
            "parameters": {"binary_data_output": True},
            "outputs": [
                {"name": "a", "parameters": {"binary_data": False}},
                {"name": "b"},
            ],
        }
    ).wanted
    assert wanted.names == ("a", "b")
    assert (wanted.is_binary("a"), wanted.is_binary("b")) == (False, True)


@pytest.mark.parametrize(("given", "expected"), [("a", "a"), (None, None), ("", None)])
def test_the_id_is_echoed_or_omitted(given: Any, expected: Any) -> None:
    request = parse({"inputs": [], "id": given})
    assert request.id == expected
    body = v2.encode(
        InferResponse(outputs=()), request.wanted, model="m", request_id=request.id
    )
    document = orjson.loads(body.parts[0])
    assert document == {"model_name": "m", "outputs": []} | (
        {"id": "a"} if expected else {}
    )


def test_not_a_number_becomes_null_in_json() -> None:
    data = np.array([np.nan, np.inf, 1], np.float32)
    tensor = Tensor(name="y", datatype="FP32", data=data)
    body = v2.encode(InferResponse(outputs=(tensor,)), v2.Wanted(), model="m")
    assert orjson.loads(body.parts[0])["outputs"][0]["data"] == [None, None, 1.0]


def test_bytes_that_are_no_text_need_the_binary_form() -> None:
    tensor = Tensor(name="y", datatype="BYTES", data=object_array([b"\xff"]))
    with pytest.raises(InvalidInput, match=r"'y'.*not UTF-8.*binary_data"):
        v2.encode(InferResponse(outputs=(tensor,)), v2.Wanted(), model="m")


def test_an_answer_without_words_in_json_is_the_models_fault() -> None:
    with pytest.raises(InferenceError, match="cannot be written as JSON"):
        v2.dump({"x": object()}, "m")


def test_a_tensor_that_is_not_contiguous_is_written_in_row_major_order() -> None:
    data = np.arange(6, dtype=np.int16).reshape(2, 3).T
    for as_binary in (True, False):
        tensor = Tensor(name="x", datatype="INT16", data=data)
        assert send_back(tensor, binary=as_binary).data.tolist() == data.tolist()


def parse(document: Any) -> v2.Request:
    return v2.decode(memoryview(json.dumps(document).encode()))


def decode(**item: Any) -> Tensor:
    return parse({"inputs": [{"name": "x", **item}]}).inputs[0]


def binary(
    datatype: str,
    shape: Any,
    raw: Any,
    *,
    size: Any = None,
    align: Any = 1,
    off: Any = 0,
) -> tuple[memoryview, int]:
    item = {
        "name": "x",
        "datatype": datatype,
        "shape": shape,
        "parameters": {"binary_data_size": len(raw) if size is None else size},
    }
    head = json.dumps({"inputs": [item]}).encode()
    head += b" " * ((off - len(head)) % align)
    return memoryview(bytearray(head + raw)), len(head)


WRONG_VALUES = [
    ("BOOL", [1], "element 0 is an integer, expected a boolean for BOOL"),
    ("INT32", [True], "element 0 is a boolean, expected an integer"),
    ("INT32", [1.5], "a fraction"),
    ("INT32", [1.0], "a fraction"),
    ("INT8", [1, 128], r"element 1 is 128, out of the range of INT8 \(-128 to 127\)"),
    ("UINT8", [-1], "out of the range of UINT8"),
    ("UINT64", [2**64], "out of the range|a fraction"),
    ("INT64", [2**63], "out of the range of INT64"),
    ("FP32", ["1"], "a string"),
    ("FP32", [None], "null"),
    ("FP32", [True], "a boolean"),
    ("FP32", [0, 1e39], "element 1 is 1e\\+39, out of the range of FP32"),
    ("FP16", [70000], "out of the range of FP16"),
    ("BYTES", [1], "an integer, expected a string"),
    ("BYTES", [{"b64": "YQ=="}], "an object"),
    ("FLOAT32", [1], "unknown datatype 'FLOAT32'"),
    ("fp32", [1], "did you mean FP32"),
    ("", [1], "unknown datatype ''"),
]


@pytest.mark.parametrize(("datatype", "data", "message"), WRONG_VALUES)
def test_a_value_of_another_kind_is_refused_by_name(
    datatype: str, data: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        decode(shape=[len(data)], datatype=datatype, data=data)
    assert "'x'" in str(caught.value)


WRONG_SHAPES = [
    ([3], [1, 2], "data has 2 elements, expected 3"),
    ([2, 2], [[1, 2], [3]], "1 elements at axis 1, expected 2"),
    ([2, 2], [[1, 2], 3], "an integer at axis 1"),
    ([2, 2], [[1, 2], [3, 4], [5, 6]], "3 elements at axis 0"),
    ([2, 2], [[[1], [2]], [[3], [4]]], "a list, expected"),
    ([-1], [1], "negative dimension"),
    ([10**12], [1], "expected 1000000000000"),
    ([2**62, 2**62], [1], "too large"),
    ([2**62, 0], [], "too large"),
    ([1] * 65, [1], "65 dimensions"),
    ([1], 1, "data is an integer, expected a list"),
    ([1], None, "data is null"),
    ([1], {"a": 1}, "data is an object"),
    ([1], "x", "data is a string"),
]


@pytest.mark.parametrize(("shape", "data", "message"), WRONG_SHAPES)
def test_a_shape_that_does_not_fit_is_refused_without_allocating(
    shape: Any, data: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        decode(shape=shape, datatype="FP32", data=data)
    assert "'x'" in str(caught.value)


WRONG_DOCUMENTS = [
    (b"", "the body is empty"),
    (b"{", "not JSON"),
    (b"[]", "expected object, got array"),
    (b"1", "expected object"),
    (b"\x80\x81", "not JSON.*Inference-Header-Content-Length"),
    (b'{"inputs": [{"name": "x"}]}', r"inputs\[0\]: missing field shape"),
    (b"{}", r"the body has no 'inputs' \(it has nothing\)"),
    (
        b'{"instances": [1], "id": "1"}',
        r"it has 'instances', 'id'\); 'instances' belongs to V1, POST /v1/models/M",
    ),
    (b'{"inputs": {}}', "inputs: expected array, got object"),
    (b'{"inputs": [], "id": 1}', "id: expected str"),
    (b'{"inputs": [], "outputs": [1]}', "outputs"),
    (b'{"inputs": [], "parameters": []}', "parameters: expected object"),
    (b'{"inputs": [{"name": "x", "shape": [true], "datatype": "FP32"}]}', "shape"),
    (b'{"inputs": [{"name": "x", "shape": [1.5], "datatype": "FP32"}]}', "shape"),
    (b'{"inputs": [{"name": "x", "shape": 1, "datatype": "FP32"}]}', "shape"),
    (b'{"inputs": [{"name": 1, "shape": [1], "datatype": "FP32"}]}', "name"),
    (
        b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [NaN]}]}',
        "not JSON",
    ),
    (
        (
            b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", '
            b'"data": [Infinity]}]}'
        ),
        "not JSON",
    ),
    (b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32"}]}', "'x': no data"),
    (
        b'{"inputs": [], "outputs": [{"name": "a"}, {"name": "a"}]}',
        "'a' is requested twice",
    ),
    (
        b'{"inputs": [], "parameters": {"binary_data_output": 1}}',
        "expected true or false",
    ),
    (
        (
            b'{"inputs": [], "outputs": [{"name": "a", '
            b'"parameters": {"shared_memory_region": "r", '
            b'"shared_memory_byte_size": 4}}]}'
        ),
        "not supported",
    ),
    (
        (
            b'{"inputs": [], "outputs": [{"name": "a", '
            b'"parameters": {"classification": -1}}]}'
        ),
        "'a': the parameter 'classification' is no number of classes",
    ),
    (b'{"inputs":' + b"[" * 100_000, "nested too deeply|not JSON|expected"),
    (
        (
            b'{"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", '
            b'"data": ["\\ud800"]}]}'
        ),
        "not JSON",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG_DOCUMENTS)
def test_a_broken_document_is_refused(body: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        v2.decode(memoryview(body))


def test_an_error_does_not_repeat_what_is_long() -> None:
    size = {"binary_data_size": "a" * 10**5}
    item = {"name": "x", "shape": [1], "datatype": "FP32", "parameters": size}
    for document in (
        {"inputs": [item]},
        {"inputs": [], "parameters": {"binary_data_output": "a" * 10**5}},
        {"inputs": [{**small("x"), "datatype": "FP16", "data": [int("9" * 4000)]}]},
    ):
        with pytest.raises(InvalidInput) as caught:
            parse(document)
        assert len(str(caught.value)) < 300


LIMITED = [
    {"data": [1, 2, 3, 4]},
    {"data": [[1, 2], [3, 4]]},
    {"data": []},
    {"parameters": {"binary_data_size": 0}},
]


@pytest.mark.parametrize("given", LIMITED)
def test_the_number_of_elements_has_a_limit(given: Any) -> None:
    item = {"name": "x", "shape": [2, 2], "datatype": "FP32", **given}
    text = orjson.dumps({"inputs": [item]})
    with pytest.raises(
        InvalidInput, match=r"'x': .*\[2, 2\] has 4 elements, at most 3"
    ):
        v2.decode(memoryview(text), len(text), max_elements=3)


def test_an_empty_tensor_of_very_many_rows_is_refused() -> None:
    item = {"name": "x", "shape": [10**6, 0], "datatype": "FP32", "data": []}
    text = memoryview(orjson.dumps({"inputs": [item]}))
    assert v2.decode(text).inputs[0].data.shape == (10**6, 0)
    with pytest.raises(InvalidInput, match="has 1000000 elements, at most 999 though"):
        v2.decode(text, max_elements=999)


def test_a_limit_below_what_came_before_holds_too() -> None:
    text = memoryview(orjson.dumps({"inputs": [small("x") | {"shape": [1, 1]}]}))
    assert v2.decode(text).inputs[0].data.tolist() == [[1]]
    with pytest.raises(InvalidInput, match="at most 0"):
        v2.decode(text, max_elements=0)


@pytest.mark.parametrize("data", [[5], 5])
def test_a_scalar_has_the_shape_of_nothing(data: Any) -> None:
    tensor = decode(shape=[], datatype="INT8", data=data)
    assert tensor.data.shape == ()
    assert tensor.data == 5


@settings(max_examples=200, deadline=None)
@given(st.lists(tensors(text_only=True), max_size=3), st.none() | st.text())
def test_an_answer_is_the_same_text_with_and_without_kept_parts(
    outputs: Any, request_id: Any
) -> None:
    response = InferResponse(outputs=tuple(outputs))
    for _ in range(2):
        body = v2.encode(
            response, v2.Wanted(), model="m", version="1", request_id=request_id
        )
        items = [v2_response._item(one, v2.Wanted(), [], None) for one in outputs]
        document = v2_response._document(items, response, "m", "1", request_id)
        assert body.parts == [v2.dump(document, "m")]


def test_kept_parts_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v2_response, "_KEPT", 2)
    for size in range(5):
        tensor = Tensor(name="y", datatype="INT8", data=np.zeros(size, np.int8))
        response = InferResponse(outputs=(tensor,))
        body = v2.encode(response, v2.Wanted(), model=f"m{size}")
        assert orjson.loads(body.parts[0])["outputs"][0]["data"] == [0] * size
    assert len(v2_response._outputs) <= 2
    assert len(v2_response._heads) <= 2


def test_an_input_given_twice_is_refused() -> None:
    item = {"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}
    with pytest.raises(InvalidInput, match="'x' is given twice"):
        parse({"inputs": [item, item]})


WRONG_BINARIES = [
    ("FP32", [2], b"1234", None, "4 bytes of data, expected 8 for FP32"),
    ("FP32", [1], b"1234", 8, "only 4 bytes"),
    ("FP32", [1], b"12345678", 4, "8 bytes of binary data, but its inputs claim 4"),
    ("FP32", [1], b"1234", -4, "binary_data_size is -4"),
    ("FP32", [1], b"1234", "4", "binary_data_size is '4'"),
    ("FP32", [1], b"1234", True, "binary_data_size is True"),
    ("FP32", [1], b"1234", 2**70, "only 4 bytes"),
    ("FP32", [10**9], b"1234", None, "expected 4000000000"),
    ("BOOL", [2], b"\x01\x02", None, "neither 0 nor 1"),
    ("BYTES", [1], b"\x05\x00\x00\x00abc", None, "ends within element 0"),
    ("BYTES", [2], b"\x04\x00\x00\x00abcd\x00", None, "ends before element 1"),
    ("BYTES", [1], b"\x01\x00\x00\x00ab", None, "1 bytes are left"),
    ("BYTES", [10**12], b"\x00\x00\x00\x00", None, "cannot hold 1000000000000"),
]


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "size", "message"), WRONG_BINARIES
)
def test_binary_data_that_does_not_fit_is_refused(
    datatype: str, shape: Any, raw: Any, size: Any, message: str
) -> None:
    body, length = binary(datatype, shape, raw, size=size)
    with pytest.raises(InvalidInput, match=message):
        v2.decode(body, length)


def test_data_and_binary_data_together_are_refused() -> None:
    item = {
        "name": "x",
        "shape": [0],
        "datatype": "INT8",
        "data": [],
        "parameters": {"binary_data_size": 0},
    }
    with pytest.raises(InvalidInput, match="both"):
        parse({"inputs": [item]})


def test_a_json_length_beyond_the_body_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Content-Length is 99, but the body has 2"):
        v2.decode(memoryview(b"{}"), 99)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.none() | st.integers(0, 80))
def test_no_bytes_raise_anything_but_invalid_input(body: Any, length: str) -> None:
    with pytest.raises(InvalidInput):
        v2.decode(memoryview(body), length)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["name", "b64"]), inner, max_size=2)
        ),
    ),
    st.sampled_from([*KNOWN, "X"]),
    st.lists(st.integers(-2, 3) | st.just(2**62), max_size=3),
)
def test_no_document_raises_anything_but_invalid_input(
    data: Any, datatype: str, shape: Any
) -> None:
    item = {"name": "x", "shape": shape, "datatype": datatype, "data": data}
    try:
        decoded = parse({"inputs": [item]})
    except InvalidInput:
        return
    assert list(decoded.inputs[0].data.shape) == shape


def test_bf16_without_its_package_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    monkeypatch.delitem(datatypes._DTYPES, "BF16", raising=False)
    with pytest.raises(InvalidInput, match="'x': BF16 needs the package ml_dtypes"):
        decode(shape=[1], datatype="BF16", data=[1.5])
    body, length = binary("BF16", [1], b"12")
    with pytest.raises(InvalidInput, match="'x': BF16 needs the package ml_dtypes"):
        v2.decode(body, length)


def small(name: str) -> dict[str, Any]:
    return {"name": name, "shape": [1], "datatype": "FP32", "data": [1]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"inputs": [small("n" * 1025)]}, "of input 'n+...' has 1025 characters"),
        (
            {"inputs": [small("x")], "outputs": [{"name": "n" * 1025}]},
            "of output 'n+...' has 1025 characters, at most 1024",
        ),
        (
            {"inputs": [small(str(number)) for number in range(10_001)]},
            "10001 inputs, at most 10000",
        ),
        (
            {"inputs": [small("x") | {"datatype": "F" * 10**6}]},
            "unknown datatype 'F{20}'",
        ),
    ],
)
def test_names_and_their_number_have_limits(document: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        v2.decode(memoryview(orjson.dumps(document)))
