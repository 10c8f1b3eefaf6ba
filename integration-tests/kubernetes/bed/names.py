"""The names of Services for pods: an answer to each DNS question is their address."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bed.cluster import Cluster

PORT = 53
_DOMAIN = "svc.cluster.local"
_HEAD = struct.Struct("!6H")
_ANSWERS, _NO_SUCH_NAME = 0x8580, 0x8583
_A, _IN = 1, 1
_SECONDS_VALID = 1
_LARGEST = 512


class Names:
    """Answers at *address* for the Services of *cluster*, and knows nothing else."""

    def __init__(self, cluster: Cluster, address: str) -> None:
        self._cluster = cluster
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """A blocking read ends when its socket is shut."""
        # It says that nobody is connected, and ends the read all the same.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                asked, client = self._socket.recvfrom(_LARGEST)
            except OSError:
                return
            if not asked:
                return
            self._socket.sendto(self._answer(asked), client)

    def _answer(self, asked: bytes) -> bytes:
        number = _HEAD.unpack_from(asked)[0]
        name, end = _name(asked)
        (kind,) = struct.unpack_from("!H", asked, end)
        question = asked[_HEAD.size : end + 4]
        found = self._addresses(name)
        if found is None:
            return _HEAD.pack(number, _NO_SUCH_NAME, 1, 0, 0, 0) + question
        records = [_record(address) for address in found if kind == _A]
        head = _HEAD.pack(number, _ANSWERS, 1, len(records), 0, 0)
        return head + question + b"".join(records)

    def _addresses(self, name: str) -> list[str] | None:
        service, _, rest = name.partition(".")
        namespace, _, domain = rest.partition(".")
        if domain != _DOMAIN:
            return None
        found = self._cluster.api.find("services", service, namespace)
        if found is None:
            return None
        address: str = found["spec"]["clusterIP"]
        return self._pods(service, namespace) if address == "None" else [address]

    def _pods(self, service: str, namespace: str) -> list[str]:
        selector = f"kubernetes.io/service-name={service}"
        slices = self._cluster.api.list("endpointslices", namespace, selector)
        return [
            address
            for each in slices
            for endpoint in each.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        ]


def _name(asked: bytes) -> tuple[str, int]:
    """Return the name that is asked for, and where its type stands."""
    labels, at = [], _HEAD.size
    while length := asked[at]:
        labels.append(asked[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def _record(address: str) -> bytes:
    """An address of the name that the question holds."""
    packed = ipaddress.IPv4Address(address).packed
    asked_name = 0xC000 | _HEAD.size
    return struct.pack("!HHHIH", asked_name, _A, _IN, _SECONDS_VALID, 4) + packed
