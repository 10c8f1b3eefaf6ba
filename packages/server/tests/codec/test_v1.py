"""The V1 codec: rows and columns of JSON as tensors, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import InvalidInput
from inferry.model import InferResponse, ModelMetadata, Tensor, TensorSpec
from inferry_server.codec import v1, v2
from inferry_server.codec.values import object_array

NOTHING = ModelMetadata()


def declares(**inputs: Any) -> ModelMetadata:
    specs = (
        TensorSpec(name=name, datatype=datatype, shape=shape)
        for name, (datatype, shape) in inputs.items()
    )
    return ModelMetadata(inputs=tuple(specs))


ROWS = declares(x=("FP32", (-1, 2)))
TEXTS = declares(text=("BYTES", (-1, 1)))
PAIR = declares(a=("FP32", (-1, 2)), b=("BYTES", (-1,)))


def decode(document: Any, metadata: Any = NOTHING) -> v1.Request:
    return v1.decode(memoryview(orjson.dumps(document)), metadata)


def arrays(document: Any, metadata: Any = NOTHING) -> dict[str, tuple[str, Any]]:
    return {
        tensor.name: (tensor.datatype, tensor.data.tolist())
        for tensor in decode(document, metadata).inputs
    }


UNDERSTOOD = [
    ({"instances": [[1, 2], [3, 4]]}, ROWS, {"x": ("FP32", [[1, 2], [3, 4]])}),
    ({"inputs": [[1, 2]]}, ROWS, {"x": ("FP32", [[1, 2]])}),
    ({"inputs": {"x": [[1, 2]]}}, ROWS, {"x": ("FP32", [[1, 2]])}),
    ({"instances": [{"x": [1, 2]}]}, ROWS, {"x": ("FP32", [[1, 2]])}),
    ({"instances": ["a", "é"]}, TEXTS, {"text": ("BYTES", [[b"a"], ["é".encode()]])}),
    (
        {"instances": [{"b64": "/w=="}, "a"]},
        TEXTS,
        {"text": ("BYTES", [[b"\xff"], [b"a"]])},
    ),
    (
        {"instances": [{"a": [1, 2], "b": "x"}, {"b": "y", "a": [3, 4]}]},
        PAIR,
        {"a": ("FP32", [[1, 2], [3, 4]]), "b": ("BYTES", [b"x", b"y"])},
    ),
    ({"instances": [6.0, 7]}, declares(n=("INT64", (-1,))), {"n": ("INT64", [6, 7])}),
    ({"instances": [1, 2]}, NOTHING, {"input-0": ("INT64", [1, 2])}),
    ({"instances": [2**64 - 1]}, NOTHING, {"input-0": ("UINT64", [2**64 - 1])}),
    ({"instances": [1, 2.5]}, NOTHING, {"input-0": ("FP64", [1, 2.5])}),
    ({"instances": [True]}, NOTHING, {"input-0": ("BOOL", [True])}),
    ({"instances": [["a"]]}, NOTHING, {"input-0": ("BYTES", [[b"a"]])}),
    (
        {"instances": [{"p": 1, "q": "s"}]},
        NOTHING,
        {"p": ("INT64", [1]), "q": ("BYTES", [b"s"])},
    ),
]


@pytest.mark.parametrize(("document", "metadata", "expected"), UNDERSTOOD)
def test_rows_and_columns_become_tensors(
    document: Any, metadata: Any, expected: Any
) -> None:
    assert arrays(document, metadata) == expected


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.just({"b64": "/w=="}),
    st.just({"x": 1}),
)
ROWS_OF_ANY_KIND = st.lists(
    st.recursive(LEAVES, lambda item: st.lists(item, max_size=3), max_leaves=6),
    max_size=3,
)


def outcome(document: Any, metadata: Any) -> Any:
    try:
        return arrays(document, metadata)
    except InvalidInput as error:
        return str(error)


@given(rows=ROWS_OF_ANY_KIND, metadata=st.sampled_from([ROWS, TEXTS, PAIR, NOTHING]))
def test_rows_alone_are_read_like_rows_beside_something(
    rows: list[Any], metadata: ModelMetadata
) -> None:
    alone = outcome({"instances": rows}, metadata)
    assert alone == outcome({"instances": rows, "beside": 1}, metadata)


def test_what_stands_beside_the_data_becomes_parameters() -> None:
    assert decode({"instances": [1], "top": 3}).parameters == {"top": 3}


WRONG = [
    ([1], NOTHING, "the body is a list, expected an object with 'instances'"),
    ({}, NOTHING, "no 'instances' .it has nothing"),
    ({"instance": [1]}, NOTHING, "it has 'instance'"),
    ({"instances": 1}, NOTHING, "'instances' is an integer, expected a list"),
    ({"instances": []}, NOTHING, "empty"),
    ({"instances": [1], "inputs": [1]}, NOTHING, "both"),
    ({"instances": [[1, 2], [3]]}, ROWS, "'x': data has 1 elements at axis 1"),
    ({"instances": [[1, 2], 3]}, ROWS, "an integer at axis 1"),
    (
        {"instances": [1, 2]},
        ROWS,
        r"input 'x' is one row of shape \[2\], expected a list of rows; put it into",
    ),
    ({"instances": [["1", 2]]}, ROWS, "element 0 is a string, expected"),
    ({"instances": [[None, 2]]}, ROWS, "element 0 is null"),
    ({"instances": [[1, 2]]}, PAIR, "takes 2 inputs; write each instance as an object"),
    ({"inputs": [[1, 2]]}, PAIR, "takes 2 inputs"),
    ({"instances": [{"a": 1}, {"b": 1}]}, PAIR, r"instances\[1\] has \['b'\]"),
    ({"instances": [{"a": 1}, 2]}, PAIR, r"instances\[1\] has an integer"),
    ({"n" * 999: 1}, NOTHING, "it has 'n{59}"),
    (
        {"instances": [{str(n): 1 for n in range(9)}, {}]},
        NOTHING,
        r"instances\[0\]: \['0', '1', '2', '3', '4', \.\.\.\]",
    ),
    ({"instances": [1, {"a": 1}]}, NOTHING, "is an object, expected a value"),
    ({"instances": [{"b64": "*"}]}, TEXTS, "not base64"),
    ({"instances": [None]}, NOTHING, "has null among its values; expected only"),
    ({"instances": [{"n" * 1025: 1}]}, NOTHING, "has 1025 characters, at most 1024"),
    ({"inputs": {str(n): [1] for n in range(10_001)}}, NOTHING, "10001 inputs"),
    (
        {"instances": [{"b64": "YQ=="}, 2]},
        TEXTS,
        "'text': element 1 is an integer, expected a string or",
    ),
    ({"instances": [{"b64": 1}]}, TEXTS, "an object, expected a value"),
    ({"instances": [{"b64": "YQ=="}]}, declares(x=("FP32", (-1,))), "bytes"),
    ({"inputs": {"a": 1}}, PAIR, "input 'a' is an integer, expected a list"),
    (
        {"instances": [1, "a"]},
        NOTHING,
        "has a string and an integer|has an integer and a string",
    ),
    (
        {"instances": [1.5]},
        declares(n=("INT64", (-1,))),
        "a fraction, expected an integer",
    ),
]


@pytest.mark.parametrize(("document", "metadata", "message"), WRONG)
def test_what_is_no_v1_is_refused_by_name(
    document: Any, metadata: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode(document, metadata)


def test_the_number_of_elements_has_a_limit() -> None:
    body = memoryview(orjson.dumps({"instances": [[1, 2], [3, 4]]}))
    with pytest.raises(InvalidInput, match=r"'x': .* has 4 elements, at most 3"):
        v1.decode(body, ROWS, max_elements=3)
    assert v1.decode(body, ROWS, max_elements=4).inputs[0].data.size == 4


def test_one_large_row_is_told_from_rows_too() -> None:
    with pytest.raises(InvalidInput, match=r"'x' is one row of shape \[5000\]"):
        decode({"instances": [0.5] * 5000}, declares(x=("FP32", (-1, 5000))))


def test_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        v1.decode(memoryview(b"{"), NOTHING)


def tensor(name: str, data: Any, datatype: str = "FP32") -> Tensor:
    return Tensor(name=name, datatype=datatype, data=data)


ANSWERS = [
    ((tensor("y", np.array([[1, 2]], np.float32)),), [[1, 2]]),
    ((tensor("y", np.array(0.5, np.float32)),), [0.5]),
    ((tensor("y", object_array([b"a", b"\xff"]), "BYTES"),), ["a", {"b64": "/w=="}]),
    (
        (
            tensor("p", np.array([1, 2], np.float32)),
            tensor("q", object_array([b"a", b"b"]), "BYTES"),
        ),
        [{"p": 1, "q": "a"}, {"p": 2, "q": "b"}],
    ),
    (
        (
            tensor("p", np.array([1, 2], np.float32)),
            tensor("q", np.array([[1]], np.float32)),
        ),
        {"p": [1, 2], "q": [[1]]},
    ),
    (
        (
            tensor("p", np.array([[1, 2]], np.float16), "FP16"),
            tensor("q", np.array([True]), "BOOL"),
        ),
        [{"p": [1, 2], "q": True}],
    ),
]


@pytest.mark.parametrize(("outputs", "expected"), ANSWERS)
def test_outputs_become_predictions(outputs: Any, expected: Any) -> None:
    document = v1.encode(InferResponse(outputs=outputs))
    assert orjson.loads(v2.dump(document, "m")) == {"predictions": expected}


def test_a_float_is_written_with_its_own_digits() -> None:
    document = v1.encode(
        InferResponse(outputs=(tensor("y", np.array([0.1], np.float32)),))
    )
    assert v2.dump(document, "m") == b'{"predictions":[0.1]}'


def test_whole_numbers_of_any_width_are_written_among_others() -> None:
    outputs = (
        tensor("label", np.array([-1, 2], "longlong"), "INT64"),
        tensor("most", np.array([2**64 - 1, 0], np.uint64), "UINT64"),
        tensor("p", np.array([[0.1], [0.2]], np.float32)),
    )
    document = v1.encode(InferResponse(outputs=outputs))
    assert v2.dump(document, "m") == (
        b'{"predictions":[{"label":-1,"most":18446744073709551615,"p":[0.1]},'
        b'{"label":2,"most":0,"p":[0.2]}]}'
    )
