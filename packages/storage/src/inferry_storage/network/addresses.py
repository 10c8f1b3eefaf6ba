"""Which addresses are of the public internet, in every way to write one."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from inferry.storage import InvalidUri

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: What the special-purpose registries of IANA keep from the internet. Written down
#: here because what `ipaddress` calls global differs between releases of Python.
_RESERVED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_RESERVED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID and other protocols' own
        "2001:db8::/32",
        "2002::/16",  # 6to4 is judged by the address within
        "3fff::/20",
    )
)
#: Where clouds answer who this machine is; one of them is a public address.
_METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
# NAT64 (RFC 6052) carries an IPv4 address in its last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# What inet_aton takes for a number: then the whole name is an address to it.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


def is_allowed(text: str, networks: Iterable[Network]) -> bool:
    """Say whether *text* is a public address, or one of *networks*.

    The metadata service of a cloud hands out its credentials, so only a network that
    is its address and nothing else allows it.
    """
    if "%" in text:
        # A scope is of this machine alone: no address with one is public.
        text = text.partition("%")[0]
    address = _meant(ipaddress.ip_address(text))
    within = [
        network
        for network in networks
        if network.version == address.version and address in network
    ]
    if address in _METADATA:
        return any(network.num_addresses == 1 for network in within)
    return bool(within) or _is_public(address)


def checked_host(host: str) -> str:
    """Return *host* as it is looked up and compared: lower case, no dot at its end.

    An address has to be written in the one way that every program reads alike:
    ``0177.0.0.1``, ``2130706433`` and ``0x7f.1`` are refused, whatever they mean.

    Raises:
        InvalidUri: It is neither a name nor an address.

    """
    plain = host.lower().removesuffix(".")
    if is_address(plain) and "%" not in plain:
        return plain
    last = plain.rpartition(".")[2]
    if not _NAME.fullmatch(plain) or _NUMBER.fullmatch(last):
        raise InvalidUri(
            f"{host[:80]!r} is not the name of a host",
            remedy="write its name, or its address like 192.0.2.1 or [2001:db8::1]",
        )
    return plain


def is_address(host: str) -> bool:
    """Say whether *host* is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own_name(host: str) -> bool:
    """Say whether the name *host* is this machine's, or of its cloud's metadata."""
    return host == "localhost" or host.endswith(".localhost") or host in _METADATA_NAMES


def _meant(address: Address) -> Address:
    """Return *address*, or the IPv4 address that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(address.packed[-4:])
    return inner or address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _RESERVED_V4)
    return address in _GLOBAL_V6 and not any(
        address in network for network in _RESERVED_V6
    )
