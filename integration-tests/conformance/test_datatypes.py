"""Every datatype in every encoding and shape comes back to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conformance import encodings, tensors
from hypothesis import HealthCheck, given, settings

from inferry.model import DATATYPES, Tensor
from inferry.testing.protocol import clients, wire

if TYPE_CHECKING:
    from inferry.testing.protocol import Served

each_datatype = pytest.mark.parametrize("datatype", list(DATATYPES))
each_shape = pytest.mark.parametrize("shape", list(tensors.SHAPES))
few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def back(way: encodings.RoundTrip, served: Served, tensor: Tensor) -> None:
    (given,) = way(served, [tensor]).values()
    assert tensors.equal(tensor, given), (tensor.data, given.data)


@each_datatype
@each_shape
@pytest.mark.parametrize("way", list(encodings.RAW))
def test_raw_bytes(echo: Served, datatype: str, shape: str, way: str) -> None:
    tensor = tensors.sample(datatype, tensors.SHAPES[shape])
    back(encodings.RAW[way], echo, tensor)


@each_datatype
@each_shape
@pytest.mark.parametrize("way", list(encodings.TEXTUAL))
def test_json(echo: Served, datatype: str, shape: str, way: str) -> None:
    tensor = tensors.utf8(tensors.sample(datatype, tensors.SHAPES[shape]))
    back(encodings.TEXTUAL[way], echo, tensor)


@each_datatype
@each_shape
def test_typed_contents(echo: Served, datatype: str, shape: str) -> None:
    if datatype in wire.RAW_ONLY:
        pytest.skip(f"{datatype} has no field in InferTensorContents")
    tensor = tensors.sample(datatype, tensors.SHAPES[shape])
    back(encodings.TYPED["grpc-typed"], echo, tensor)


@each_datatype
@pytest.mark.parametrize("way", list(encodings.RAW))
def test_eight_megabytes(echo: Served, datatype: str, way: str) -> None:
    back(encodings.RAW[way], echo, tensors.large(datatype))


@pytest.mark.parametrize("datatype", ["FP32", "INT64", "BOOL", "BYTES"])
@pytest.mark.parametrize("way", ["json", "grpc-typed"])
def test_a_hundred_thousand_elements(echo: Served, datatype: str, way: str) -> None:
    every = encodings.TEXTUAL | encodings.TYPED
    back(every[way], echo, tensors.utf8(tensors.sample(datatype, (100, 1000))))


@each_datatype
@pytest.mark.parametrize("way", ["binary", "grpc-raw", "triton-http", "triton-grpc"])
def test_arrays_that_are_not_contiguous(echo: Served, datatype: str, way: str) -> None:
    back(encodings.RAW[way], echo, tensors.strided(datatype))


@pytest.mark.parametrize("way", ["binary", "grpc-raw", "grpc-memory", "http-memory"])
def test_many_inputs_of_all_datatypes(echo: Served, way: str) -> None:
    several = [
        Tensor(name=f"{datatype}-{index}", datatype=datatype, data=tensor.data)
        for index, datatype in enumerate(list(DATATYPES) * 2)
        for tensor in [tensors.sample(datatype, (index % 3, 2))]
    ]
    given = encodings.RAW[way](echo, several)
    assert list(given) == [tensor.name for tensor in several]
    for tensor in several:
        assert tensors.equal(tensor, given[tensor.name])


def test_json_and_binary_inputs_in_one_request(echo: Served) -> None:
    text = tensors.utf8(tensors.sample("BYTES", (2,)))
    numbers = tensors.sample("FP32", (3,))
    body = wire.body([numbers], binary=True, outputs=[{"name": "x"}, {"name": "text"}])
    import json

    length = int(body.headers[wire.HEADER_LENGTH])
    document = json.loads(body.content[:length])
    document["inputs"].insert(
        0,
        {
            "name": "text",
            "datatype": "BYTES",
            "shape": [2],
            "data": wire.to_json(text),
        },
    )
    head = json.dumps(document).encode()
    answer = wire.read(
        echo.request(
            "POST",
            encodings.INFER,
            content=head + body.content[length:],
            headers={wire.HEADER_LENGTH: str(len(head))},
        )
    )
    assert answer.status == 200, answer.document
    assert tensors.equal(numbers, answer.outputs["x"])
    assert wire.to_raw(answer.outputs["text"]) == wire.to_raw(text)


@few
@given(tensor=tensors.any_tensor(finite=False, texts=False))
@pytest.mark.parametrize("way", ["binary", "grpc-raw"])
def test_any_raw_tensor(echo: Served, way: str, tensor: Tensor) -> None:
    back(encodings.RAW[way], echo, tensor)


@few
@given(tensor=tensors.any_tensor(finite=True, texts=True))
@pytest.mark.parametrize("way", list(encodings.TEXTUAL))
def test_any_json_tensor(echo: Served, way: str, tensor: Tensor) -> None:
    back(encodings.TEXTUAL[way], echo, tensor)


@few
@given(tensor=tensors.any_tensor(finite=False, texts=False))
def test_any_typed_tensor(echo: Served, tensor: Tensor) -> None:
    if tensor.datatype not in wire.RAW_ONLY:
        back(encodings.TYPED["grpc-typed"], echo, tensor)


def test_bytes_that_are_no_text_cannot_be_asked_for_as_json(echo: Served) -> None:
    blob = tensors.sample("BYTES", (1,))
    body = wire.body([blob], binary=True)
    answer = wire.read(
        echo.request(
            "POST", encodings.INFER, content=body.content, headers=body.headers
        )
    )
    assert answer.status == 400, answer.document
    assert "binary" in answer.error


@pytest.mark.parametrize("datatype", sorted(wire.RAW_ONLY))
def test_typed_contents_have_no_field_for_halves(echo: Served, datatype: str) -> None:
    import grpc

    request = clients.message(encodings.MODEL, [], raw=True)
    request.inputs.add(name="x", datatype=datatype, shape=[1]).contents.fp32_contents[
        :
    ] = [1.0]
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(echo, "ModelInfer", request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "raw" in caught.value.details()
