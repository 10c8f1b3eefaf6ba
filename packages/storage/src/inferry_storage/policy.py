"""What a download may do: how much, how long, from where."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import unquote

import msgspec

from inferry.storage import NotAllowed
from inferry_storage.network.addresses import Network, is_allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

Rung = Literal["length", "etag", "checksum", "digest", "signature"]
#: What can be known of the bytes, from the weakest on.
RUNGS: tuple[Rung, ...] = get_args(Rung)
#: With less nothing could ever be fetched, or it would mean something else.
_LEAST = {
    "cache_bytes": 0,
    "deadline_seconds": 0,
    "max_bytes": 1,
    "max_files": 1,
    "stall_seconds": 0.001,
    "workers": 1,
}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The section ``[storage]`` of the settings, with its types."""

    cache_dir: Path
    cache_bytes: int = 0
    max_bytes: int = 256 * 2**30
    max_files: int = 100_000
    workers: int = 8
    allow_http: bool = False
    allow_networks: tuple[Network, ...] = ()
    endpoints: tuple[str, ...] = ()
    stall_seconds: float = 30.0
    deadline_seconds: float = 0.0
    require: Rung = "length"
    etag_checksums: bool = True
    signature_key: str = ""
    signature_identity: str = ""
    signature_issuer: str = ""
    trust: tuple[str, ...] = ()
    unpack: bool = False
    allow_patterns: tuple[str, ...] = ()
    ignore_patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Policy:
        """Read the settings; what is not given has its default.

        Raises:
            StorageError: A network is none, a number too small, or ``require`` names
                nothing.

        """
        fields = cls.__struct_fields__
        given = {name: settings[name] for name in fields if name in settings}
        for name in ("endpoints", "trust", "allow_patterns", "ignore_patterns"):
            given[name] = tuple(given.get(name) or ())
        if given.get("require", "length") not in RUNGS:
            raise NotAllowed(
                f"[storage] require: {given['require']!r} is not known",
                remedy=f"it is one of {', '.join(RUNGS)}",
            )
        for name, least in _LEAST.items():
            if given.get(name, least) < least:
                raise NotAllowed(
                    f"[storage] {name}: {given[name]} is too small",
                    remedy=f"it is {least} or more",
                )
        given["cache_dir"] = _cache_dir(str(settings.get("cache_dir") or ""))
        given["allow_networks"] = tuple(
            _network(text) for text in settings.get("allow_networks") or ()
        )
        return cls(**given)

    def allows(self, address: str) -> bool:
        """Say whether a service may have something fetched from *address*."""
        return is_allowed(address, self.allow_networks)

    def trusts(self, uri: str) -> bool:
        """Say whether *uri* begins with one of `trust`, up to the end of a part."""
        if ".." in unquote(unquote(uri)).replace("\\", "/").split("/"):
            return False
        return any(_begins(uri, start) for start in self.trust)


def _begins(uri: str, start: str) -> bool:
    scheme, colon, rest = uri.partition("://")
    wanted, also, beginning = start.partition("://")
    if scheme.lower() != wanted.lower() or not (colon and also):
        return False
    if not rest.startswith(beginning):
        return False
    after = rest[len(beginning) :]
    # Behind a host, "@" and ":" would make it another host; behind a path they begin
    # the revision or the tag of a model.
    ends = "/?#@:" if "/" in beginning else "/?#"
    return not after or not beginning or beginning.endswith("/") or after[0] in ends


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise NotAllowed(
            f"[storage] allow_networks: {text!r} is no network",
            remedy="write it as 10.0.0.0/8",
        ) from None


def _cache_dir(given: str) -> Path:
    if given:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "inferry" / "models"
