"""Which addresses are public, and how a host may be written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import InvalidUri
from inferry_storage.network.addresses import checked_host, is_allowed, is_own_name


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    inside = address.is_private or address.is_multicast or address.is_loopback
    if inside and not getattr(address, "ipv4_mapped", None):
        assert not is_allowed(str(address), ())


@given(st.ip_addresses(v=4))
def test_an_address_within_an_address_is_judged_alike(
    address: ipaddress.IPv4Address,
) -> None:
    plain = is_allowed(str(address), ())
    packed = int(address)

    assert is_allowed(f"::ffff:{address}", ()) == plain
    assert (
        is_allowed(str(ipaddress.IPv6Address((0x64FF9B << 96) | packed)), ()) == plain
    )
    six = ipaddress.IPv6Address((0x2002 << 112) | (packed << 80))
    assert is_allowed(str(six), ()) == plain


@pytest.mark.parametrize(
    ("network", "allowed"),
    [("169.254.0.0/16", False), ("0.0.0.0/0", False), ("169.254.169.254/32", True)],
)
def test_the_metadata_service_is_allowed_by_its_own_address_alone(
    network: str, *, allowed: bool
) -> None:
    networks = (ipaddress.ip_network(network),)

    assert is_allowed("169.254.169.254", networks) == allowed
    assert is_allowed("::ffff:169.254.169.254", networks) == allowed


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("minio_1", "minio_1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("3com.com", "3com.com"),
        ("xn--zca.de", "xn--zca.de"),
    ],
)
def test_a_host_has_one_spelling(host: str, expected: str) -> None:
    assert checked_host(host) == expected


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "a b", "1", "0x7f.1", "a.1", "a%2eb", "fe80::1%lo", "ß"]
)
def test_a_host_that_misleads_is_refused(host: str) -> None:
    with pytest.raises(InvalidUri, match="is not the name of a host"):
        checked_host(host)


def test_own_names_are_known() -> None:
    assert is_own_name("a.localhost")
    assert is_own_name("metadata.google.internal")
    assert not is_own_name("localhost.example")
