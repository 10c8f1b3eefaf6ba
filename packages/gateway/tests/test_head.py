"""Heads: what passes, what is dropped, what is added."""

from __future__ import annotations

from typing import Any

import pytest

from inferry_gateway._answers import Refusal
from inferry_gateway._head import (
    chunk,
    read_request,
    read_response,
    write_request,
    write_response,
)

HOST = (b"Host", b"iris.example.com:8080")


def head(
    *headers: Any, target: Any = b"/a", method: Any = b"POST", version: Any = "1.1"
) -> Any:
    return read_request(method, target, version, list(headers), keep_alive=True)


def forwarded(
    *headers: Any, target: Any = b"/a", prefix: Any = b"", trusted: Any = False
) -> Any:
    read = head(HOST, *headers, target=target)
    data = write_request(
        read, read.target, peer=b"10.0.0.1", prefix=prefix, trusted=trusted
    )
    assert data.endswith(b"\r\n\r\n")
    return data[:-4].split(b"\r\n")


def test_host_and_unknown_fields_pass_as_they_are() -> None:
    assert forwarded((b"X-Custom", b"1"), (b"x-custom", b"2")) == [
        b"POST /a HTTP/1.1",
        b"host: iris.example.com:8080",
        b"X-Custom: 1",
        b"x-custom: 2",
        b"x-forwarded-for: 10.0.0.1",
        b"x-forwarded-host: iris.example.com:8080",
        b"x-forwarded-proto: http",
    ]


def test_fields_of_one_hop_do_not_pass() -> None:
    lines = forwarded(
        (b"Connection", b"keep-alive, X-Secret"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Connection", b"x"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X"),
        (b"Upgrade", b"foo"),
        (b"Expect", b"100-continue"),
        (b"x-secret", b"1"),
        (b"X-Kept", b"1"),
    )
    assert lines[2:-3] == [b"X-Kept: 1"]


def test_connection_cannot_remove_host_length_or_our_own_fields() -> None:
    lines = forwarded(
        (b"Connection", b"close, Host, Content-Length, X-Forwarded-For"),
        (b"Content-Length", b"3"),
    )
    assert b"host: iris.example.com:8080" in lines
    assert b"content-length: 3" in lines
    assert b"x-forwarded-for: 10.0.0.1" in lines


def test_what_a_client_claims_about_its_origin_is_not_believed() -> None:
    claims = [
        (b"X-Forwarded-For", b"1.2.3.4"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"other"),
        (b"Forwarded", b"for=1.2.3.4"),
    ]
    assert forwarded(*claims) == forwarded()


def test_behind_a_trusted_proxy_the_chain_grows() -> None:
    lines = forwarded(
        (b"X-Forwarded-For", b"1.2.3.4"),
        (b"X-Forwarded-For", b"5.6.7.8"),
        (b"X-Forwarded-Proto", b"https"),
        (b"Forwarded", b"for=1.2.3.4"),
        trusted=True,
    )
    assert lines[2:] == [
        b"x-forwarded-for: 1.2.3.4, 5.6.7.8, 10.0.0.1",
        b"x-forwarded-host: iris.example.com:8080",
        b"x-forwarded-proto: https",
        b"forwarded: for=1.2.3.4",
    ]


def test_the_prefix_that_was_cut_is_told() -> None:
    assert b"x-forwarded-prefix: /serving/a/b" in forwarded(prefix=b"/serving/a/b")


def test_a_chunked_body_stays_chunked() -> None:
    lines = forwarded((b"Transfer-Encoding", b"Chunked"))
    assert lines[-1] == b"transfer-encoding: chunked"


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"http://other:1/a?b=c", b"other:1", b"/a?b=c"),
        (b"http://user:pw@other", b"other", b"/"),
        (b"/a?b", b"iris.example.com:8080", b"/a?b"),
        (b"*", b"iris.example.com:8080", b"/"),
    ],
)
def test_an_absolute_target_names_the_host(target: Any, host: Any, path: Any) -> None:
    read = head(HOST, target=target)
    assert (read.host, read.target) == (host, path)


@pytest.mark.parametrize("target", [b"a", b"http:///a", b"ftp://h/", b"/a#b", b""])
def test_other_targets_are_refused(target: Any) -> None:
    with pytest.raises(Refusal) as caught:
        head(HOST, target=target)
    assert caught.value.status == 400


def test_http_1_0_needs_no_host() -> None:
    assert head(version="1.0").host == b""


def test_an_expectation_is_recognised_but_not_in_1_0() -> None:
    assert head(HOST, (b"Expect", b"100-Continue")).expects
    assert not head(HOST, (b"Expect", b"100-continue"), version="1.0").expects


def test_a_response_passes_without_the_fields_of_one_hop() -> None:
    read = read_response(
        200,
        b"Fine",
        [
            (b"Content-Length", b"3"),
            (b"Connection", b"close, X-Hop"),
            (b"Keep-Alive", b"5"),
            (b"X-Hop", b"1"),
            (b"X-End", b"1"),
        ],
    )
    assert read.length
    assert not read.chunked
    assert write_response(read, b"connection: close") == (
        b"HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nX-End: 1\r\n"
        b"connection: close\r\n\r\n"
    )


def test_a_chunk_states_its_size_in_hexadecimal() -> None:
    assert b"".join(chunk(b"x" * 26)) == b"1a\r\n" + b"x" * 26 + b"\r\n"
