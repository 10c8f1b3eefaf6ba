"""What is read as a request, and everything that is refused before it is one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry_gateway._answers import Refusal
from inferry_gateway._reader import RequestReader
from inferry_gateway._settings import GatewaySettings

POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "length and coding": (
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "coding and length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        400,
    ),
    "length twice": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "length with plus": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "negative length": (POST + b"Content-Length: -3\r\n\r\nabc", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "empty length": (POST + b"Content-Length: \r\n\r\nabc", 400),
    "huge length": (POST + b"Content-Length: 99999999999999999999\r\n\r\nabc", 400),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\nabc", 501),
    "identity coding": (POST + b"Transfer-Encoding: identity\r\n\r\nabc", 501),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "coding twice": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "second coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "coding after vertical tab": (POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n", 400),
    "coding in 1.0": (
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "blank before colon": (POST + b"Content-Length : 3\r\n\r\nabc", 400),
    "folded line": (POST + b"A: b\r\n c\r\n\r\n", 400),
    "blank first line": (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    "NUL": (POST + b"A: b\0c\r\n\r\n", 400),
    "bare CR": (POST + b"A: b\rc\r\n\r\n", 400),
    "bare LF": (POST + b"A: b\nC: d\r\n\r\n", 400),
    "control character": (POST + b"A: b\x01\r\n\r\n", 400),
    "empty name": (b"GET / HTTP/1.1\r\n: a\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "bad chunk size": (CHUNKED + b"zz\r\n", 400),
    "negative chunk size": (CHUNKED + b"-1\r\n", 400),
    "chunk size with 0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "huge chunk size": (CHUNKED + b"fffffffffffffffff\r\n", 400),
    "chunk ended by LF": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
    "LF in chunk extension": (CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
    "chunk longer than it says": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "length in trailers": (CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n" + GET, 400),
    "space in target": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "control in target": (b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "high byte in target": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "foreign scheme": (b"GET ftp://h/a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "version 1.2": (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "version 0.9": (b"GET /\r\n\r\n", 505),
    "unknown method": (b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "lower-case method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    "RTSP": (b"DESCRIBE /a RTSP/1.0\r\nHost: x\r\n\r\n", 501),
    "CONNECT": (b"CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    "websocket": (
        GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        501,
    ),
    "unknown expectation": (POST + b"Expect: 200-ok\r\n\r\n", 417),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}


class Taken:
    """A request as the reader hands it over."""

    def __init__(self, head: Any) -> None:
        self.head = head
        self.data = b""
        self.done = False

    @property
    def received(self) -> int:
        return len(self.data)

    def body(self, data: Any) -> None:
        self.data += data

    def end(self) -> None:
        self.done = True


def read(*pieces: bytes, **limits: Any) -> Any:
    taken = []

    def on_head(head: Any) -> Any:
        taken.append(Taken(head))
        return taken[-1]

    reader = RequestReader(GatewaySettings(**limits), on_head)
    for piece in pieces:
        reader.feed(piece)
    return taken


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(data: Any, status: Any) -> None:
    with pytest.raises(Refusal) as whole:
        read(data)
    assert whole.value.status == status
    with pytest.raises(Refusal) as bytewise:
        read(*(data[i : i + 1] for i in range(len(data))))
    assert bytewise.value.status == status


def test_a_request_may_come_byte_by_byte() -> None:
    data = CHUNKED + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n" + GET
    for taken in (read(data), read(*(data[i : i + 1] for i in range(len(data))))):
        first, second = taken
        assert (first.data, first.done, first.head.chunked) == (b"abcde", True, True)
        assert first.head.fields == []
        assert (second.head.method, second.done) == (b"GET", True)


def test_a_head_above_the_limit_is_refused_with_both_limits() -> None:
    long = GET[:-2] + b"A: " + b"b" * 1000 + b"\r\n\r\n"
    with pytest.raises(Refusal) as caught:
        read(long, max_header_bytes=1000)
    assert caught.value.status == 431
    assert caught.value.message == (
        "the request head is larger than 1000 bytes or 100 fields; send fewer or "
        "shorter headers"
    )
    assert read(long, max_header_bytes=1100)


def test_too_many_fields_are_refused() -> None:
    many = GET[:-2] + b"A: b\r\n" * 5 + b"\r\n"
    with pytest.raises(Refusal) as caught:
        read(many, max_headers=5)
    assert caught.value.status == 431
    assert read(many, max_headers=6)


def test_a_field_that_never_ends_is_refused_before_it_fills_memory() -> None:
    pieces = [GET[:-2] + b"A: ", *[b"b" * 1000] * 100]
    with pytest.raises(Refusal) as caught:
        read(*pieces, max_header_bytes=1000)
    assert caught.value.status == 431


def test_a_target_that_never_ends_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        read(b"GET /", *[b"a" * 1000] * 10, max_header_bytes=2000)
    assert caught.value.status == 431


def test_chunk_extensions_cannot_go_on_for_ever() -> None:
    with pytest.raises(Refusal) as caught:
        read(CHUNKED, b"3;a=", *[b"b" * 60_000] * 3)
    assert (caught.value.status, caught.value.message) == (
        400,
        "the chunked body holds too little data",
    )


def test_trailers_cannot_go_on_for_ever() -> None:
    with pytest.raises(Refusal):
        read(CHUNKED, b"0\r\n", *[b"A: b\r\n" * 1000] * 100)


def test_many_small_chunks_are_welcome() -> None:
    taken = read(CHUNKED, *[b"1\r\na\r\n" * 1000] * 30, b"0\r\n\r\n")
    assert (taken[0].received, taken[0].done) == (30_000, True)


def test_heads_of_pipelined_requests_are_counted_each() -> None:
    request = GET[:-2] + b"A: " + b"b" * 500 + b"\r\n\r\n"
    data = request * 50
    pieces = [data[i : i + 700] for i in range(0, len(data), 700)]
    assert len(read(*pieces, max_header_bytes=600)) == 50


def test_what_follows_a_close_is_ignored() -> None:
    taken = read(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", GET, b"x")
    assert len(taken) == 1


def test_an_offer_of_h2c_is_ignored_and_the_body_kept() -> None:
    """Java's HttpClient offers h2c with every first request."""
    offer = (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQ\r\n"
    )
    data = POST + offer + b"Content-Length: 3\r\n\r\nabc" + GET
    for taken in (read(data), read(*(data[i : i + 1] for i in range(len(data))))):
        assert [(t.head.method, t.data, t.done) for t in taken] == [
            (b"POST", b"abc", True),
            (b"GET", b"", True),
        ]
        assert taken[0].head.fields == []


def test_an_offer_of_h2c_with_a_chunked_body_is_read_as_such() -> None:
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
    (taken,) = read(POST + offer + b"3\r\nabc\r\n0\r\n\r\n")
    assert (taken.data, taken.done) == (b"abc", True)


STREAM = (
    GET
    + CHUNKED
    + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    + POST
    + b"Content-Length: 7\r\n\r\n1234567"
    + GET
)


@given(st.sets(st.integers(1, len(STREAM) - 1)))
def test_where_the_stream_is_cut_makes_no_difference(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in itertools.pairwise(edges)]
    taken = read(*pieces)
    assert [t.data for t in taken] == [b"", b"abcde", b"1234567", b""]
    assert all(t.done for t in taken)
