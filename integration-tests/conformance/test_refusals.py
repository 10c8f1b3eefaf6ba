"""Requests that are wrong in every way: a 4xx that says why, and nothing else."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from conformance import encodings, tensors

from inferry.testing.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from inferry.testing.protocol import Served

MB = 2**20
#: What a server may keep for itself after thousands of refusals.
ALLOWED_GROWTH = 48 * MB


def one(**changes: Any) -> dict[str, Any]:
    """Return a request with one good input, changed by *changes*; None removes."""
    good = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}
    made = good | changes
    return {
        "inputs": [{key: value for key, value in made.items() if value is not None}]
    }


def raw(size: Any = 8, **changes: Any) -> dict[str, Any]:
    """Return the JSON of a request whose input is *size* raw bytes."""
    return one(data=None, parameters={"binary_data_size": size}, **changes)


X: dict[str, Any] = one()["inputs"][0]
#: name -> the JSON object of the request.
DOCUMENTS: dict[str, Any] = {
    "no inputs at all": {},
    "an empty list of inputs": {"inputs": []},
    "inputs is an object": {"inputs": {"x": X}},
    "inputs is null": {"inputs": None},
    "an input is a number": {"inputs": [1]},
    "a list instead of an object": [X],
    "a number instead of an object": 1,
    "id is a number": one() | {"id": 7},
    "id is an object": one() | {"id": {}},
    "outputs is an object": one() | {"outputs": {"name": "x"}},
    "an output without a name": one() | {"outputs": [{}]},
    "an output's name is a number": one() | {"outputs": [{"name": 1}]},
    "an output twice": one() | {"outputs": [{"name": "x"}, {"name": "x"}]},
    "an unknown output": one() | {"outputs": [{"name": "zz"}]},
    "parameters is a list": one() | {"parameters": []},
    "parameters of an input is a number": one(parameters=1),
    "no name": one(name=None),
    "the name is a number": one(name=7),
    "no datatype": one(datatype=None),
    "an unknown datatype": one(datatype="FP128"),
    "a datatype in lower case": one(datatype="fp32"),
    "the datatype is a number": one(datatype=32),
    "no shape": one(shape=None),
    "the shape is a number": one(shape=2),
    "the shape is a text": one(shape="1,2"),
    "a dimension is a text": one(shape=["1", 2]),
    "a dimension is a fraction": one(shape=[1.5, 2]),
    "a dimension is true": one(shape=[True, 2]),
    "a negative dimension": one(shape=[-1, 2]),
    "two negative dimensions": one(shape=[-1, -2]),
    "a dimension past 64 bits": one(shape=[2**64, 2]),
    "a dimension past 63 bits": one(shape=[2**63, 2]),
    "a shape whose product overflows": one(shape=[2**32, 2**32]),
    "a shape whose product overflows to fit": one(shape=[2**62, 4, 2]),
    "a huge shape": one(shape=[10**12]),
    "a huge shape of nothing": one(shape=[0, 10**18, 10**18], data=[]),
    "a shape of a thousand dimensions": one(shape=[1] * 1000 + [2]),
    "too few elements": one(data=[1.0]),
    "too many elements": one(data=[1.0, 2.0, 3.0]),
    "no data": one(data=None),
    "data is a number": one(data=1.0),
    "data is a text": one(data="1.0"),
    "data is an object": one(data={"0": 1.0}),
    "an element is a text": one(data=["a", "b"]),
    "an element is null": one(data=[1.0, None]),
    "an element is an object": one(data=[1.0, {}]),
    "ragged lists": one(shape=[2, 2], data=[[1.0], [2.0, 3.0, 4.0]]),
    "lists nested too deep": one(data=[[[[[1.0, 2.0]]]], 3.0]),
    "a text for BYTES is a number": one(datatype="BYTES", data=[1, 2]),
    "a fraction for INT32": one(datatype="INT32", data=[1.5, 2]),
    "a text for BOOL": one(datatype="BOOL", data=["true", "false"]),
    "a number for BOOL": one(datatype="BOOL", data=[2, 0]),
    "INT8 past its limit": one(datatype="INT8", data=[128, 0]),
    "UINT8 below its limit": one(datatype="UINT8", data=[-1, 0]),
    "UINT64 past its limit": one(datatype="UINT64", data=[2**64, 0]),
    "INT64 past its limit": one(datatype="INT64", data=[2**63, 0]),
    "FP32 past its limit": one(data=[1e39, 0]),
    "two inputs of one name": {"inputs": [X, X]},
    "a shared memory region that nobody registered": one(
        data=None,
        parameters={"shared_memory_region": "nobody", "shared_memory_byte_size": 8},
    ),
    "a shared memory region without a size": one(
        data=None, parameters={"shared_memory_region": "nobody"}
    ),
    "a size of raw bytes without the header": raw(),
    "a size of raw bytes beside data": one(parameters={"binary_data_size": 8}),
    "unknown parameters of a type that is none": one()
    | {"parameters": {"binary_data_output": "yes"}},
}
#: name -> JSON text that is none, or that no parser should take.
TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{nope",
    "half a document": json.dumps(one()).encode()[:-9],
    "two documents": json.dumps(one()).encode() * 2,
    "NaN": json.dumps(one(data=[float("nan"), 1.0])).encode(),
    "Infinity": json.dumps(one(data=[float("inf"), 1.0])).encode(),
    "-Infinity": json.dumps(one(data=[float("-inf"), 1.0])).encode(),
    "no UTF-8": b'{"inputs": [{"name": "\xff"}]}',
    "a lone surrogate": b'{"inputs": [{"name": "\\ud800", "datatype": "BYTES", '
    b'"shape": [1], "data": ["\\ud800"]}]}',
    "nested past any depth": b'{"inputs": ' + b"[" * 100_000,
    "nested deep and closed": b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a UTF-16 text": json.dumps(one()).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(one()).encode(),
    "a number of a million digits": b'{"inputs": [{"name": "x", "datatype": "INT64",'
    b' "shape": [1], "data": [' + b"9" * 1_000_000 + b"]}]}",
}
RAW = json.dumps(raw()).encode()
BYTES = json.dumps(raw(8, datatype="BYTES", shape=[2])).encode()
#: name -> what Inference-Header-Content-Length says, the JSON, and the raw bytes.
BINARIES: dict[str, tuple[str, bytes, bytes]] = {
    "the header is no number": ("abc", RAW, b"\0" * 8),
    "the header is empty": ("", RAW, b"\0" * 8),
    "the header is negative": ("-1", RAW, b"\0" * 8),
    "the header has a sign": (f"+{len(RAW)}", RAW, b"\0" * 8),
    "the header has an underscore": ("1_0", RAW, b"\0" * 8),
    "the header is a fraction": (f"{len(RAW)}.0", RAW, b"\0" * 8),
    "the header is longer than the body": ("100000", RAW, b"\0" * 8),
    "the header is past 64 bits": (str(2**64 + len(RAW)), RAW, b"\0" * 8),
    "the header has a thousand digits": ("9" * 1000, RAW, b"\0" * 8),
    "the header is zero": ("0", RAW, b"\0" * 8),
    "the header cuts the JSON": (str(len(RAW) - 4), RAW, b"\0" * 8),
    "the header takes raw bytes for JSON": (str(len(RAW) + 4), RAW, b"\0" * 8),
    "too few raw bytes": (str(len(RAW)), RAW, b"\0" * 7),
    "too many raw bytes": (str(len(RAW)), RAW, b"\0" * 9),
    "no raw bytes": (str(len(RAW)), RAW, b""),
    "BYTES whose length is past the end": (
        str(len(BYTES)),
        BYTES,
        b"\xff\xff\xff\xff" + b"\0" * 4,
    ),
    "BYTES with half a length": (str(len(BYTES)), BYTES, b"\4\0\0\0abcd"),
    "BYTES with one element too few": (str(len(BYTES)), BYTES, b"\3\0\0\0abc\0"),
}
for name, size in {
    "a negative size": -8,
    "a size past 64 bits": 2**64 + 8,
    "a size past the body": 2**40,
    "a size that is a text": "8",
    "a size that is a fraction": 8.5,
    "a size that is true": True,
    "a size that is null": None,
    "a size that does not fit the shape": 4,
}.items():
    text = json.dumps(raw(size)).encode()
    BINARIES[name] = (str(len(text)), text, b"\0" * 8)
for name, shape in {
    "raw bytes of a negative dimension": [-1, 2],
    "raw bytes of a huge shape": [2**31, 2**31],
    "raw bytes of a shape that overflows to fit": [2**62, 2, 2**63],
}.items():
    text = json.dumps(raw(8, shape=shape)).encode()
    BINARIES[name] = (str(len(text)), text, b"\0" * 8)

GOOD = json.dumps(one()).encode()
#: name -> Content-Encoding, body.
COMPRESSED: dict[str, tuple[str, bytes]] = {
    "gzip that is none": ("gzip", GOOD),
    "deflate that is none": ("deflate", GOOD),
    "gzip that ends early": ("gzip", gzip.compress(GOOD)[:-9]),
    "deflate that ends early": ("deflate", zlib.compress(GOOD)[:-5]),
    "gzip with a wrong checksum": ("gzip", gzip.compress(GOOD)[:-8] + b"\0" * 8),
    "gzip with rubbish behind it": ("gzip", gzip.compress(GOOD) + b"rubbish"),
    "an unknown encoding": ("zstd", GOOD),
    "two encodings": ("gzip, gzip", gzip.compress(GOOD)),
    "an empty gzip": ("gzip", b""),
}


def refused(response: httpx.Response) -> str:
    """Return the reason of a 4xx; anything else fails."""
    answer = wire.read(response)
    assert 400 <= answer.status < 500, (answer.status, answer.document)
    assert answer.error, answer.document
    assert answer.headers["content-type"].startswith("application/json")
    assert "Traceback" not in answer.error
    return answer.error


def post(
    served: Served, content: bytes, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return served.request("POST", encodings.INFER, content=content, headers=headers)


def still_well(served: Served) -> None:
    assert served.alive, served.said
    answer = encodings.http(
        served, [tensors.sample("FP32", (1, 2))], sent=True, got=True
    )
    assert answer["x"].data.shape == (1, 2)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_kept(echo: Served) -> Any:
    """Neither refusals nor the memory that they took are left in the server."""
    for document in DOCUMENTS.values():
        post(echo, json.dumps(document).encode())
    before = echo.memory
    yield
    for _ in range(20):
        for document in DOCUMENTS.values():
            post(echo, json.dumps(document).encode())
    still_well(echo)
    grown = echo.memory - before
    assert grown < ALLOWED_GROWTH, f"{grown / MB:.1f} MB"


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_wrong_documents(echo: Served, name: str) -> None:
    refused(post(echo, json.dumps(DOCUMENTS[name]).encode()))


@pytest.mark.parametrize("name", list(TEXTS))
def test_wrong_json(echo: Served, name: str) -> None:
    refused(post(echo, TEXTS[name]))


@pytest.mark.parametrize("name", list(BINARIES))
def test_wrong_binary_bodies(echo: Served, name: str) -> None:
    length, text, rest = BINARIES[name]
    refused(post(echo, text + rest, {wire.HEADER_LENGTH: length}))


@pytest.mark.parametrize("name", list(COMPRESSED))
def test_wrong_compression(echo: Served, name: str) -> None:
    encoding, content = COMPRESSED[name]
    refused(post(echo, content, {"Content-Encoding": encoding}))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_grows(echo: Served, encoding: str) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    bomb = packed(b"[" + b" " * (300 * MB))
    before = echo.memory
    refused(post(echo, bomb, {"Content-Encoding": encoding}))
    assert echo.memory - before < 80 * MB
    still_well(echo)


def test_a_huge_shape_takes_no_memory(echo: Served) -> None:
    before = echo.memory
    for name, document in DOCUMENTS.items():
        if "huge" in name or "overflow" in name:
            began = time.monotonic()
            refused(post(echo, json.dumps(document).encode()))
            assert time.monotonic() - began < 1
    assert echo.memory - before < 32 * MB


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/echo/versions/9", 404),
        ("GET", "/v2/models/echo/versions/", 404),
        ("GET", "/v2/models/nobody/ready", 404),
        ("GET", "/v2/models/nobody/config", 404),
        ("GET", "/v2/models/nobody/stats", 404),
        ("GET", "/v1/models/nobody", 404),
        ("POST", "/v2/models/nobody/infer", 404),
        ("POST", "/v2/models/echo/versions/9/infer", 404),
        ("POST", "/v2/models/nobody/generate", 404),
        ("POST", "/v2/models/nobody/generate_stream", 404),
        ("POST", "/v1/models/nobody:predict", 404),
        ("POST", "/v1/models/nobody:explain", 404),
        ("POST", "/v1/models/echo:nothing", 404),
        ("POST", "/v2/models/echo/nothing", 404),
        ("POST", "/v2/models/echo/infer/more", 404),
        ("POST", "/v2/models//infer", 404),
        ("POST", "/v2/models/..%2f..%2fetc/infer", 404),
        ("POST", "/v2/models/%00/infer", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/echo/infer", 405),
        ("PUT", "/v2/models/echo/infer", 405),
        ("DELETE", "/v2/models/echo", 405),
        ("POST", "/v2/health/live", 405),
        ("GET", "/v1/models/echo:predict", 405),
    ],
)
def test_wrong_paths_and_methods(
    echo: Served, method: str, path: str, status: int
) -> None:
    response = echo.request(method, path, content=GOOD if method == "POST" else None)
    assert refused(response)
    assert response.status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"instances": 1}', 400),
        (b'{"instances": "text"}', 400),
        (b'{"instances": {}}', 400),
        (b'{"instances": []}', 400),
        (b'{"instances": [[1, 2], [1]]}', 400),
        (b'{"instances": [NaN]}', 400),
        (b'{"instances": null}', 400),
        (b"{}", 400),
    ],
)
def test_wrong_v1_bodies(echo: Served, body: bytes, status: int) -> None:
    response = echo.request("POST", "/v1/models/echo:predict", content=body)
    assert refused(response)
    assert response.status_code == status


POST = b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\n"
#: name -> the first bytes of a connection.
HEADS: dict[str, bytes] = {
    "negative length": POST + b"Content-Length: -5\r\n\r\n",
    "length is no number": POST + b"Content-Length: abc\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "length and chunked": POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    "a megabyte of header": POST + b"X: " + b"a" * MB,
    "a hundred thousand headers": POST + b"X: a\r\n" * 100_000,
    "a megabyte of path": b"GET /" + b"a" * MB,
    "a space before a colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": b"\0" * 64 + b"\r\n\r\n",
    "two header lengths": POST
    + b"Inference-Header-Content-Length: 5\r\n"
    + b"Inference-Header-Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", list(HEADS))
def test_wrong_http(echo: Served, name: str) -> None:
    host, _, port = echo.http.partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        try:
            connection.sendall(HEADS[name])
            while b"\r\n" not in answer and (more := connection.recv(65536)):
                answer += more
        except ConnectionError:
            pass  # refused while it was sent
    # Refused with a status, or hung up on; never left waiting.
    assert answer[9:10] in {b"", b"4"}, answer
    still_well(echo)


def test_errors_of_the_model_are_told_without_its_secrets(echo: Served) -> None:
    document = one() | {"parameters": {"fail": "ValueError"}}
    answer = wire.read(post(echo, json.dumps(document).encode()))
    assert answer.status == 500
    assert answer.error
    assert "secret-of-the-model" not in answer.error
    assert "Traceback" not in answer.error


def test_what_the_model_says_of_an_input_is_passed_on(echo: Served) -> None:
    document = one() | {"parameters": {"fail": "InvalidInput"}}
    assert "as asked" in refused(post(echo, json.dumps(document).encode()))


def test_a_body_past_the_limit_is_a_413(echo: Served) -> None:
    before = echo.memory
    response = post(echo, b"x" * (65 * MB))
    assert response.status_code == 413
    assert refused(response)
    assert echo.memory - before < 32 * MB
    still_well(echo)
