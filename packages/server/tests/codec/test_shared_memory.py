"""Tensors in shared memory: what refers to it, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from inferry.errors import InvalidInput
from inferry.model import InferResponse, Tensor
from inferry_server.codec import v2


class Regions:
    """Shared memory as the codec sees it, in this process."""

    def __init__(self) -> None:
        self.bytes = {"r": bytearray(64)}

    def read(self, region: str, offset: int, size: int) -> memoryview:
        return memoryview(self.bytes[region])[offset : offset + size]

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        self.bytes[region][offset : offset + len(data)] = data


def place(size: Any, offset: Any = None, name: Any = "r") -> dict[str, Any]:
    found = {"shared_memory_region": name, "shared_memory_byte_size": size}
    return found if offset is None else found | {"shared_memory_offset": offset}


def decode(
    parameters: Any, memory: Any, *, outputs: Any = (), data: Any = None
) -> v2.Request:
    item = {"name": "x", "shape": [2], "datatype": "FP32", "parameters": parameters}
    if data is not None:
        item["data"] = data
    document = {"inputs": [item], "outputs": outputs}
    return v2.decode(memoryview(orjson.dumps(document)), memory=memory)


def test_an_input_is_read_where_it_lies() -> None:
    memory = Regions()
    memory.bytes["r"][8:16] = np.array([1.5, 2.5], np.float32).tobytes()
    (tensor,) = decode(place(8, 8), memory).inputs
    assert tensor.data.tolist() == [1.5, 2.5]
    assert np.shares_memory(tensor.data, np.frombuffer(memory.bytes["r"], np.uint8))


def test_an_output_is_written_where_it_shall_lie() -> None:
    memory = Regions()
    outputs = [{"name": "y", "parameters": place(32, 16)}, {"name": "z"}]
    wanted = decode(place(8), memory, outputs=outputs).wanted
    data = np.array([3, 4], np.float32)
    response = InferResponse(
        outputs=tuple(
            Tensor(name=name, datatype="FP32", data=data) for name in ("y", "z")
        )
    )
    body = v2.encode(response, wanted, model="m", memory=memory)
    placed, sent = orjson.loads(body.parts[0])["outputs"]
    assert placed == {
        "name": "y",
        "datatype": "FP32",
        "shape": [2],
        "parameters": place(8, 16),
    }
    assert sent["data"] == [3, 4]
    assert body.json_length is None
    assert np.frombuffer(memory.bytes["r"], np.float32)[4:6].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (place(4), "4 bytes of data, expected 8"),
        (place(-1), "'shared_memory_byte_size' is no number of bytes"),
        (place(2**63), "no number of bytes"),
        (place("8"), "no number of bytes"),
        (place(size=True), "no number of bytes"),
        (place(8, -1), "'shared_memory_offset' is no number"),
        (place(8, name=1), "'shared_memory_region' is no string"),
        ({"shared_memory_region": "r"}, "without 'shared_memory_byte_size'"),
        ({"shared_memory_offset": 4}, "without 'shared_memory_region'"),
        (place(8) | {"binary_data_size": 8}, "both"),
    ],
)
def test_a_reference_that_is_none_is_refused(parameters: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        decode(parameters, Regions())
    assert "'x'" in str(caught.value)


def test_data_and_shared_memory_together_are_refused() -> None:
    with pytest.raises(InvalidInput, match="both 'data' and 'shared_memory_region'"):
        decode(place(8), Regions(), data=[1, 2])


def test_an_output_larger_than_its_place_is_refused() -> None:
    memory = Regions()
    wanted = decode(
        place(8), memory, outputs=[{"name": "y", "parameters": place(4)}]
    ).wanted
    tensor = Tensor(name="y", datatype="FP32", data=np.zeros(2, np.float32))
    with pytest.raises(InvalidInput, match=r"takes 8 bytes, .* is 4"):
        v2.encode(InferResponse(outputs=(tensor,)), wanted, model="m", memory=memory)


def test_a_server_without_shared_memory_refuses_every_reference() -> None:
    with pytest.raises(InvalidInput, match=r"input 'x': .* is not supported"):
        decode(place(8), None)
    outputs = [{"name": "y", "parameters": place(8)}]
    with pytest.raises(InvalidInput, match=r"output 'y': .* is not supported"):
        decode({}, None, outputs=outputs, data=[1, 2])
