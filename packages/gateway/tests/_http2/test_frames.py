"""What a client sends over HTTP/2: labelled where it has to be, else untouched."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from inferry_gateway._http2.frames import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HTTP_1_1_REQUIRED,
    PROTOCOL_ERROR,
    Broken,
    Labeller,
    goaway,
)

REQUEST = [
    (":method", "POST"),
    (":path", "/a.B/C"),
    (":authority", "iris.example.com"),
    ("content-type", "application/grpc"),
]
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20


def frame(kind: int, payload: bytes, flags: int = 0, stream: int = 1) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        stream = int.from_bytes(data[5:9], "big")
        found.append((data[3], data[4], stream, data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def labeller(limit: int = 4096) -> Labeller:
    return Labeller(peer=b"10.0.0.1", max_header_bytes=limit)


def fed(data: bytes, **options: Any) -> bytes:
    return b"".join(labeller(**options).feed(data))


def fields(payload: bytes) -> list[tuple[bytes, bytes]]:
    return [(k, v) for k, v in Decoder().decode(payload, raw=True)]


def test_a_request_gets_its_authority_and_peer_as_fields() -> None:
    out = fed(frame(1, Encoder().encode(REQUEST), END_HEADERS))
    ((kind, flags, stream, payload),) = frames(out)
    assert (kind, flags, stream) == (1, END_HEADERS, 1)
    assert fields(payload) == [
        *((k.encode(), v.encode()) for k, v in REQUEST),
        (b"inferry-authority", b"iris.example.com"),
        (b"inferry-peer", b"10.0.0.1"),
    ]


def test_labels_that_a_client_sends_are_dropped() -> None:
    own = [("inferry-peer", "6.6.6.6"), ("inferry-authority", "other")]
    out = fed(frame(1, Encoder().encode([*REQUEST, *own]), END_HEADERS))
    found = fields(frames(out)[0][3])
    assert [v for k, v in found if k == b"inferry-peer"] == [b"10.0.0.1"]
    assert [v for k, v in found if k == b"inferry-authority"] == [b"iris.example.com"]


def test_blocks_of_one_connection_share_the_clients_table() -> None:
    encoder = Encoder()
    first, second = encoder.encode(REQUEST), encoder.encode(REQUEST)
    assert len(second) < len(first)
    both = frame(1, first, END_HEADERS) + frame(1, second, END_HEADERS, stream=3)
    one, two = frames(fed(both))
    assert fields(one[3]) == fields(two[3])
    assert (one[2], two[2]) == (1, 3)


def test_padding_and_priority_are_taken_off() -> None:
    block = Encoder().encode(REQUEST)
    payload = b"\3" + b"\0\0\0\0\x10" + block + b"\0\0\0"
    out = fed(frame(1, payload, END_STREAM | END_HEADERS | PADDED | PRIORITY))
    ((_, flags, _, passed),) = frames(out)
    assert flags == END_STREAM | END_HEADERS
    assert (b":path", b"/a.B/C") in fields(passed)


def test_a_block_in_pieces_is_put_together() -> None:
    block = Encoder().encode(REQUEST)
    out = fed(
        frame(1, block[:5], END_STREAM)
        + frame(9, block[5:9])
        + frame(9, block[9:], END_HEADERS)
    )
    ((_, flags, _, passed),) = frames(out)
    assert flags == END_STREAM | END_HEADERS
    assert (b":authority", b"iris.example.com") in fields(passed)


def test_a_large_block_leaves_in_frames_that_everybody_takes() -> None:
    long = [("x-long", "b" * 20_000)]
    block = Encoder().encode([*REQUEST, *long])
    sent = frame(1, block[:9000], 0)
    sent += b"".join(
        frame(9, block[i : i + 9000], END_HEADERS if i + 9000 >= len(block) else 0)
        for i in range(9000, len(block), 9000)
    )
    passed = frames(fed(sent, limit=40_000))
    assert [kind for kind, *_ in passed] == [1, 9]
    assert [flags for _, flags, *_ in passed] == [0, END_HEADERS]
    assert all(len(payload) <= 16_384 for *_, payload in passed)
    assert (b"x-long", ("b" * 20_000).encode()) in fields(
        b"".join(payload for *_, payload in passed)
    )


def test_trailers_of_a_request_pass_without_labels() -> None:
    out = fed(frame(1, Encoder().encode([("x-end", "1")]), END_STREAM | END_HEADERS))
    assert fields(frames(out)[0][3]) == [(b"x-end", b"1")]


@given(st.data())
def test_everything_else_passes_byte_for_byte_however_it_is_cut(data: Any) -> None:
    kinds = st.sampled_from([0, 2, 3, 4, 6, 7, 8, 200])
    some = st.lists(st.tuples(kinds, st.binary(max_size=300)), max_size=8)
    whole = b"".join(frame(kind, payload) for kind, payload in data.draw(some))
    reader, sent, passed = labeller(), whole, b""
    while sent:
        size = data.draw(st.integers(1, 400))
        passed += b"".join(reader.feed(sent[:size]))
        sent = sent[size:]
        # Nothing is kept but the head of a frame that is cut.
        assert len(whole) - len(sent) - len(passed) < 9
    assert passed == whole


@given(st.lists(st.integers(1, 60), max_size=30))
def test_a_request_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    encoder = Encoder()
    sent = frame(4, b"") + frame(1, encoder.encode(REQUEST), END_HEADERS)
    sent += frame(0, b"\0" * 500, END_STREAM)
    sent += frame(1, encoder.encode(REQUEST), END_HEADERS, stream=3)
    whole, reader, passed = fed(sent), labeller(), b""
    for cut in cuts:
        passed += b"".join(reader.feed(sent[:cut]))
        sent = sent[cut:]
    assert passed + b"".join(reader.feed(sent)) == whole


@given(st.binary(max_size=200))
def test_no_bytes_break_anything_but_the_connection(data: bytes) -> None:
    with contextlib.suppress(Broken):
        labeller().feed(data)


BLOCK = Encoder().encode(REQUEST)
BROKEN = {
    "another frame inside a block": (
        frame(1, BLOCK) + frame(0, b"x"),
        PROTOCOL_ERROR,
    ),
    "another block inside a block": (
        frame(1, BLOCK) + frame(1, BLOCK, END_HEADERS, stream=3),
        PROTOCOL_ERROR,
    ),
    "a continuation of nothing": (frame(9, BLOCK, END_HEADERS), PROTOCOL_ERROR),
    "a continuation of another stream": (
        frame(1, BLOCK) + frame(9, b"", END_HEADERS, stream=3),
        PROTOCOL_ERROR,
    ),
    "padding beyond the payload": (
        frame(1, b"\x09ab", END_HEADERS | PADDED),
        PROTOCOL_ERROR,
    ),
    "no room for the padding": (frame(1, b"", END_HEADERS | PADDED), FRAME_SIZE_ERROR),
    "no room for the priority": (
        frame(1, b"\0\0", END_HEADERS | PRIORITY),
        FRAME_SIZE_ERROR,
    ),
    "headers that are no HPACK": (
        frame(1, b"\xff" * 9, END_HEADERS),
        COMPRESSION_ERROR,
    ),
    "a frame of headers above the limit": (
        frame(1, b"\0" * 5000, END_HEADERS),
        FRAME_SIZE_ERROR,
    ),
    "headers above the limit in pieces": (
        frame(1, b"\0" * 3000) + frame(9, b"\0" * 3000),
        ENHANCE_YOUR_CALM,
    ),
    "headers in very many pieces": (
        frame(1, b"") + frame(9, b"") * 100,
        ENHANCE_YOUR_CALM,
    ),
    "headers that are large once read": (
        frame(1, Encoder().encode([*REQUEST, ("x", "0" * 6000)]), END_HEADERS),
        COMPRESSION_ERROR,
    ),
    "a request that is no gRPC": (
        frame(1, Encoder().encode([(":method", "GET"), (":path", "/")]), END_HEADERS),
        HTTP_1_1_REQUIRED,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_ends_the_connection_with_its_code(case: str) -> None:
    sent, code = BROKEN[case]
    with pytest.raises(Broken) as caught:
        fed(sent)
    assert caught.value.code == code


def test_a_goaway_says_its_code_and_reason_after_settings() -> None:
    settings, away = frames(goaway(HTTP_1_1_REQUIRED, "no"))
    assert settings == (4, 0, 0, b"")
    assert away == (7, 0, 0, b"\0\0\0\0" + b"\0\0\0\x0d" + b"no")
