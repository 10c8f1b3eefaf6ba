"""Which addresses the operator named: those may be private, and of plain http."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.network.addresses import checked_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PORTS = {"http": 80, "https": 443}
#: The names that KServe and the clouds' own tools give to the address of a store.
_URL_KEYS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_FILE_SERVICE_URL",
    "AZURE_SERVICE_URL",
    "AZURE_STORAGE_BLOB_ENDPOINT",
    "HDFS_NAMENODE",
    "HF_ENDPOINT",
    "OCI_REGISTRY",
    "STORAGE_EMULATOR_HOST",
)


class Origin(msgspec.Struct, frozen=True):
    """A scheme, a host and a port: what credentials and permissions belong to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of *url*; without a scheme it is https.

        Raises:
            InvalidUri: It names no host, or none that can be.

        """
        try:
            parts = urlsplit(url if "://" in url else f"https://{url}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise InvalidUri("a URL with an address or port that is none") from None
        scheme = parts.scheme.lower()
        return cls(scheme, checked_host(host), port or _PORTS.get(scheme, 0))


class Endpoints(msgspec.Struct, frozen=True):
    """The origins that the operator named, in the settings or with credentials."""

    origins: frozenset[Origin] = frozenset()

    @classmethod
    def of(cls, named: Iterable[str], values: Mapping[str, str]) -> Endpoints:
        """Take the setting ``endpoints`` and the *values* of credentials.

        Raises:
            NotAllowed: One of them is no address.

        """
        found = set()
        for url in (*named, *_of_values(values)):
            try:
                found.add(Origin.of(url))
            except InvalidUri:
                raise NotAllowed(
                    "the address of a store, in [storage] endpoints or in its "
                    "credentials, is not a URL",
                    remedy="write it as http://minio.storage:9000",
                ) from None
        return cls(frozenset(found))

    def __contains__(self, origin: Origin) -> bool:
        """Say whether *origin* is one of them."""
        return origin in self.origins

    def name(self, host: str, port: int) -> bool:
        """Say whether one of them is at *host* and *port*, whatever its scheme."""
        return any((each.host, each.port) == (host, port) for each in self.origins)


def _of_values(values: Mapping[str, str]) -> Iterator[str]:
    for key in _URL_KEYS:
        # A cluster of HDFS may name several, one after another.
        yield from (one for one in values.get(key, "").split(";") if one)
    if bare := values.get("S3_ENDPOINT"):
        secure = values.get("S3_USE_HTTPS", "1").strip().lower()
        plain = secure in {"0", "false", "no"}
        yield bare if "://" in bare else f"{'http' if plain else 'https'}://{bare}"
