"""`Claims`: which service has which host name; the first one keeps it.

Host names are made of names, and ``a-b`` in namespace ``c`` makes the same one as ``a``
in ``b-c``. A gateway would send some of the one's requests to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any


class Claims:
    """The host names of each service, ``namespace/name``."""

    def __init__(self) -> None:
        self._holders: dict[str, str] = {}
        self._hosts: dict[str, frozenset[str]] = {}

    def take(self, key: str, hosts: Collection[str]) -> tuple[str, str]:
        """Let service *key* have *hosts* and no others.

        Where another has one of them, nothing changes, and the host and its holder are
        returned.
        """
        for host in sorted(hosts):
            holder = self._holders.get(host, key)
            if holder != key:
                return host, holder
        self.forget(key)
        if hosts:
            self._hosts[key] = frozenset(hosts)
            self._holders.update(dict.fromkeys(hosts, key))
        return "", ""

    def told(self, key: str, status: Mapping[str, Any]) -> None:
        """Let *key* have what its *status* says already, after a restart."""
        parts = (status.get("components") or {}).values()
        urls = (status.get("url"), *(each.get("url") for each in parts))
        hosts = {urlsplit(str(url)).hostname or "" for url in urls if url}
        self.take(key, {host for host in hosts if host and not _is_inside(host)})

    def forget(self, key: str) -> None:
        """Let others have the host names of a service that is gone."""
        for host in self._hosts.pop(key, ()):
            del self._holders[host]


def hosts_of(objects: Iterable[Mapping[str, Any]], shared: str) -> frozenset[str]:
    """Return the host names that *objects* claim, without the one that all *shared*."""
    found = {host for each in objects for host in _hosts(each)}
    return frozenset(host for host in found - {shared} if not _is_inside(host))


def _hosts(obj: Mapping[str, Any]) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if obj["kind"] == "HTTPRoute":
        yield from spec["hostnames"]
    elif obj["kind"] == "VirtualService":
        yield from spec["hosts"]
    elif obj["kind"] == "Ingress":
        yield from (each["host"] for each in spec["rules"])


def _is_inside(host: str) -> bool:
    """Say whether *host* is that of a Service, which only its namespace can have."""
    return host.endswith(".svc.cluster.local")
