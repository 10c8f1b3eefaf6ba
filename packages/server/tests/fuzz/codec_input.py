"""One input of the fuzzer, and what must hold of it.

Its first byte says what the rest is: a V2 body, a V2 body with binary data behind the
JSON, a V1 body, a tensor of gRPC, words that make up a body of V2, V1 or the generate
extension (a change of a byte is then a change of the document's sense), or a message of
gRPC. Whatever it is, it becomes a request or InvalidInput, the quick and the slow way
to read it agree, and a request can be answered with its own tensors.
"""

from __future__ import annotations

from typing import Any

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferResponse, ModelMetadata, TensorSpec
from inferry_server.codec import generate, raw, tensors, v1, v2
from inferry_server.grpc import requests

#: Small, so that a limit which is checked too late shows.
MAX_ELEMENTS = 2**16
SPECS = (
    ModelMetadata(),
    ModelMetadata(inputs=(TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),)),
    ModelMetadata(inputs=(TensorSpec(name="x", datatype="INT64", shape=(-1,)),)),
    ModelMetadata(
        inputs=(
            TensorSpec(name="a", datatype="BYTES", shape=(-1,)),
            TensorSpec(name="b", datatype="UINT8", shape=(-1, 1)),
        )
    ),
)
#: What one byte stands for in a document of words.
WORDS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        " ",
        "\n",
        "-",
        ".",
        "e",
        "\\u00e9",
        "\\ud800",
    ),
    *("0", "1", "2", "3", "4", "7", "127", "128", "255", "256", "65536", "4294967296"),
    *("1.5", "-0.0", "1e39", "1e400", "65504", "9007199254740993", "9" * 25),
    *("9223372036854775807", "9223372036854775808", "18446744073709551615"),
    *("18446744073709551616", "true", "false", "null", "NaN", '"a"', '"x"', '"y"'),
    *('{"inputs": [', '{"name": "x", "shape": [', '{"name": "y", "shape": ['),
    *(
        '], "datatype": "',
        '", "data": [',
        ', "data": ',
        ', "parameters": {',
        "[[",
        "]]",
    ),
    *("]}]}", "]}, ", ', "outputs": [', ', "id": "', '"binary_data_size": '),
    *('"binary_data": true', '"binary_data_output": true', '"classification": '),
    *('"shared_memory_region": "r", "shared_memory_byte_size": ',),
    *(
        ', "shared_memory_offset": ',
        '{"instances": [',
        '{"inputs": {',
        '{"b64": "YQ=="}',
    ),
    *('{"a": ', ', "b": ', '{"name": "', '"shape": [', '"name": ', "BOOL", "BYTES"),
    *("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"),
    *("FP16", "BF16", "FP32", "FP64", "fp32", "FLOAT", "a", "b", "x", "y"),
    *("id", "parameters"),
)
DATATYPES = (*tensors.CONTENTS, "FP16", "BF16")


class Memory:
    """Shared memory of 64 bytes, region ``r``."""

    def __init__(self) -> None:
        self._bytes = bytearray(64)

    def _check(self, region: str, offset: int, size: int) -> None:
        if region != "r" or offset + size > len(self._bytes):
            raise InvalidInput("no such place")

    def read(self, region: str, offset: int, size: int) -> memoryview:
        self._check(region, offset, size)
        return memoryview(self._bytes)[offset : offset + size]

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        self._check(region, offset, len(data))
        self._bytes[offset : offset + len(data)] = data


def try_input(data: bytes) -> None:
    """Read *data* as what it is; any error but InvalidInput is a fault."""
    if not data:
        return
    _KINDS[data[0] % len(_KINDS)](data[1:])


def _v2_words(rest: bytes) -> None:
    _v2_json(spoken(rest))


def _v1_words(rest: bytes) -> None:
    _v1(rest[:1] + spoken(rest[1:]))


def spoken(rest: bytes) -> bytes:
    """Return the text whose words *rest* has."""
    return "".join(WORDS[byte % len(WORDS)] for byte in rest).encode()


def _v2_json(body: bytes) -> None:
    quick = _outcome(v2, 0, lambda: v2.decode(memoryview(body), **_limits()))
    slow = _outcome(v2, 2**60, lambda: v2.decode(memoryview(body), **_limits()))
    assert _seen(quick) == _seen(slow), (quick, slow)
    _answer(slow)


def _v2_binary(rest: bytes) -> None:
    length = int.from_bytes(rest[:2], "little")
    body = memoryview(rest[2:])
    _answer(_outcome(v2, 2**60, lambda: v2.decode(body, length, **_limits())))


def _v1(rest: bytes) -> None:
    if not rest:
        return
    specs, body = SPECS[rest[0] % len(SPECS)], memoryview(rest[1:])
    quick, slow = (
        _outcome(v1, size, lambda: v1.decode(body, specs, max_elements=MAX_ELEMENTS))
        for size in (0, 2**60)
    )
    assert _seen(quick) == _seen(slow), (quick, slow)
    if not isinstance(slow, str):
        v2.dump(v1.encode(InferResponse(outputs=slow.inputs)), "m")


def _grpc(rest: bytes) -> None:
    if len(rest) < 3:
        return
    datatype = DATATYPES[rest[0] % len(DATATYPES)]
    shape = list(rest[2 : 2 + rest[1] % 5])
    buffer = memoryview(rest[2 + len(shape) :])
    try:
        array = tensors.from_raw(buffer, datatype, shape, "x", MAX_ELEMENTS)
    except InvalidInput:
        return
    assert bytes(raw.to_bytes(array, datatype)) == bytes(buffer)
    if datatype in tensors.CONTENTS:
        _, values = tensors.to_contents(array, datatype)
        back = tensors.from_contents(values, datatype, shape, "x")
        assert back.tobytes() == array.tobytes() or array.dtype.kind in "fO"


def _generate(rest: bytes) -> None:
    if not rest:
        return
    specs, body = SPECS[rest[0] % len(SPECS)], memoryview(spoken(rest[1:]))
    try:
        found = generate.decode(body, specs.inputs, MAX_ELEMENTS)
    except InvalidInput:
        return
    response = InferResponse(outputs=found.inputs)
    v2.dump(generate.encode(response, model="m", request_id=found.id), "m")


def _message(rest: bytes) -> None:
    quick, slow = (
        _outcome(requests, size, lambda: _read_message(rest)) for size in (0, 2**60)
    )
    if isinstance(quick, str) or isinstance(slow, str):
        # Of a broken message the two say different things, but both must refuse it.
        assert isinstance(quick, str), slow
        assert isinstance(slow, str), quick
        return
    assert _seen(quick) == _seen(slow), (quick, slow)
    _answer(slow)


def _read_message(body: bytes) -> Any:
    parsed, raws = requests.parse(body)
    return requests.decode(parsed, raws, **_limits())


_KINDS = (
    *(_v2_json, _v2_binary, _v1, _grpc, _v2_words, _v1_words),
    *(_generate, _message),
)


def _limits() -> dict[str, Any]:
    return {"max_elements": MAX_ELEMENTS, "memory": Memory()}


def _outcome(module: Any, size: int, read: Any) -> Any:
    """Return the request, or the text of its error."""
    name = "SMALL" if hasattr(module, "SMALL") else "_LARGE"
    kept = getattr(module, name)
    setattr(module, name, size)
    try:
        return read()
    except InvalidInput as error:
        text = str(error)
    finally:
        setattr(module, name, kept)
    assert len(text) < 16_000
    return text


def _seen(found: Any) -> Any:
    """Return what two ways of reading must agree on."""
    if isinstance(found, str):
        return found
    inputs = [
        (item.name, item.datatype, item.data.shape, item.data.tolist())
        for item in found.inputs
    ]
    rest = [getattr(found, name) for name in found.__struct_fields__[1:]]
    return repr((inputs, rest))  # of text, because not a number is not itself


def _answer(found: Any) -> None:
    """Answer a request with its own tensors, in the form that it wants."""
    if isinstance(found, str):
        return
    for item in found.inputs:
        assert item.data.size <= MAX_ELEMENTS
        assert item.data.flags.c_contiguous
        assert item.data.flags.aligned
    response = InferResponse(outputs=found.inputs, parameters=found.parameters)
    try:
        v2.encode(
            response, found.wanted, model="m", request_id=found.id, memory=Memory()
        )
    except (InvalidInput, InferenceError):
        return
