"""Private addresses are refused in every spelling, unless settings allow them."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferry.errors import StorageError
from inferry.storage import NotAllowed
from inferry_storage.policy import Policy


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_a_private_address_is_refused(address: str) -> None:
    assert not Policy.of({}).allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert Policy.of({}).allows(address)


def test_settings_allow_a_network() -> None:
    policy = Policy.of({"allow_networks": ("10.0.0.0/8", "fd00::/8")})

    assert policy.allows("10.9.9.9")
    assert policy.allows("fd00::1")
    assert not policy.allows("192.168.0.1")


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(StorageError, match="'everything' is no network"):
        Policy.of({"allow_networks": ("everything",)})


def test_the_cache_is_where_the_desktop_keeps_caches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")

    assert Policy.of({}).cache_dir == Path("/caches/inferry/models")
    assert Policy.of({"cache_dir": "/here"}).cache_dir == Path("/here")


@pytest.mark.parametrize(
    ("uri", "trust", "trusted"),
    [
        ("s3://ours/m", "s3://ours/", True),
        ("s3://ours/m", "s3://ours", True),
        ("s3://ours", "s3://ours", True),
        ("S3://ours/m", "s3://ours/", True),
        ("s3://ours/models/m", "s3://ours/models", True),
        ("s3://ours/models-evil/m", "s3://ours/models", False),
        ("s3://ours-evil/m", "s3://ours", False),
        ("s3://theirs/ours/m", "s3://ours", False),
        ("https://host@evil/m", "https://host", False),
        ("https://host:8443/m", "https://host", False),
        ("https://host.evil/m", "https://host", False),
        ("https://host/ours/../theirs", "https://host/ours/", False),
        ("https://host/ours/%2e%2e/theirs", "https://host/ours/", False),
        ("https://host/ours/..\\theirs", "https://host/ours/", False),
        ("http://host/m", "https://host", False),
        ("hf://org/model@main", "hf://org/model", True),
        ("hf://org/model-evil", "hf://org/model", False),
        ("oci://registry/ours:1", "oci://registry/ours", True),
        ("hf://any/model", "hf://", True),
        ("s3://ours/m", "", False),
        ("s3://ours/m", "ours", False),
    ],
)
def test_trust_is_the_beginning_of_a_uri(uri: str, trust: str, trusted: bool) -> None:  # noqa: FBT001 - what is expected
    assert Policy.of({"trust": (trust,)}).trusts(uri) == trusted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache_bytes", -1),
        ("deadline_seconds", -1.0),
        ("max_bytes", -1),
        ("max_files", 0),
        ("stall_seconds", 0.0),
        ("workers", 0),
    ],
)
def test_a_number_that_lets_nothing_through_is_refused(name: str, value: float) -> None:
    with pytest.raises(NotAllowed, match=rf"\[storage\] {name}: {value} is too small"):
        Policy.of({name: value})
