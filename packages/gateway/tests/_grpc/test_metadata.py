"""Which metadata passes the gateway."""

from __future__ import annotations

from inferry_gateway._grpc.metadata import passed_back, passed_on, value

CALL = (
    ("inferry-authority", "iris.example.com"),
    ("inferry-peer", "10.0.0.1"),
    ("user-agent", "x"),
    ("te", "trailers"),
    ("grpc-accept-encoding", "gzip"),
    ("x-forwarded-for", "1.1.1.1"),
    ("x-forwarded-proto", "https"),
    ("authorization", "Bearer a"),
    ("traceparent", "00-1-2-03"),
    ("x-raw-bin", b"\0"),
)


def test_a_replica_gets_what_is_meant_for_it_and_who_asked() -> None:
    assert passed_on(CALL, trusted=False) == (
        ("authorization", "Bearer a"),
        ("traceparent", "00-1-2-03"),
        ("x-raw-bin", b"\0"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "iris.example.com"),
        ("x-forwarded-proto", "http"),
    )


def test_behind_a_trusted_proxy_what_it_says_is_kept() -> None:
    passed = dict(passed_on((*CALL, ("forwarded", "for=1")), trusted=True))
    assert passed["x-forwarded-for"] == "1.1.1.1, 10.0.0.1"
    assert passed["x-forwarded-proto"] == "https"
    assert passed["forwarded"] == "for=1"


def test_a_client_gets_all_but_what_grpc_writes_itself() -> None:
    told = (
        ("x-a", "1"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
        ("grpc-status-details-bin", b"\1"),
    )
    assert passed_back(told) == (("x-a", "1"), ("grpc-status-details-bin", b"\1"))
    assert passed_back(None) == ()


def test_the_last_of_equal_names_counts() -> None:
    assert value((("a", "1"), ("a", b"2")), "a") == "2"
    assert value((), "a") == ""
