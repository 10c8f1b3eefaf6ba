"""What a download may do: how much, how long, from where."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import StorageError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# NAT64 (RFC 6052) carries an IPv4 address in its last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The section ``[storage]`` of the settings, with its types."""

    cache_dir: Path
    max_bytes: int = 256 * 2**30
    allow_http: bool = False
    allow_networks: tuple[Network, ...] = ()
    stall_seconds: float = 30.0
    deadline_seconds: float = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Policy:
        """Read the settings; what is not given has its default.

        Raises:
            StorageError: A network is none.

        """
        fields = cls.__struct_fields__
        given = {name: settings[name] for name in fields if name in settings}
        given["cache_dir"] = _cache_dir(str(settings.get("cache_dir") or ""))
        given["allow_networks"] = tuple(
            _network(text) for text in settings.get("allow_networks") or ()
        )
        return cls(**given)

    def allows(self, address: str) -> bool:
        """Say whether a service may have something fetched from *address*."""
        return all(
            (one.is_global and not one.is_multicast)
            or any(
                one in network
                for network in self.allow_networks
                if network.version == one.version
            )
            for one in _embedded(ipaddress.ip_address(address.partition("%")[0]))
        )


def _embedded(address: Address) -> Iterator[Address]:
    """Yield *address*, or the IPv4 address that it stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        yield inner or address
    else:
        yield address


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise StorageError(
            f"[storage] allow_networks: {text!r} is no network",
            reason=Reason.StorageNotAllowed,
            remedy="write it as 10.0.0.0/8",
        ) from None


def _cache_dir(given: str) -> Path:
    if given:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "inferry" / "models"
