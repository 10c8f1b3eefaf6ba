"""Private addresses are refused in every spelling, unless settings allow them."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferry.errors import StorageError
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
