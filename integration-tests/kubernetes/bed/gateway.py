"""A real gateway: Contour, which reads the Gateway API, and the Envoy it drives."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING, Self

import httpx

from bed import definitions
from bed.api import is_true, until
from bed.processes import Process, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from bed.cluster import Cluster

NAMESPACE, NAME, CLASS = "kserve", "kserve-ingress-gateway", "contour"
_GROUP = "gateway.networking.k8s.io/v1"
#: Envoy listens so far above the port of the listener.
_ABOVE = 8000
_PORTS = range(9000, 20000)
#: Kinds that are still experimental in the Gateway API.
_WITHOUT = ("tlsroutes", "tcproutes", "backendtlspolicies")


class Gateway:
    """The Gateway that an install routes by, and the address where Envoy listens."""

    def __init__(self, cluster: Cluster, envoy: Path) -> None:
        self.cluster = cluster
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        cluster.api.install(definitions.contour())
        self._declare()
        (xds,) = free_ports(1)
        self.contour = self._contour(xds)
        self.envoy = self._envoy(envoy, xds)
        try:
            self.contour.wait_until(self._programmed, "the Gateway to be programmed")
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.envoy.stop()
        self.contour.stop()

    def client(self, host: str, **options: object) -> httpx.Client:
        """Return a client of the service with this host name or url."""
        name = host.removeprefix("http://")
        given = {"headers": {"Host": name}, "timeout": 30, "trust_env": False} | options
        return httpx.Client(base_url=self.url, **given)

    def _declare(self) -> None:
        api = self.cluster.api
        for name in (NAMESPACE, "projectcontour"):
            metadata = {"name": name}
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        controller = "projectcontour.io/gateway-controller"
        api.apply(
            {
                "apiVersion": _GROUP,
                "kind": "GatewayClass",
                "metadata": {"name": CLASS},
                "spec": {"controllerName": controller},
            }
        )
        listener = {
            "name": "http",
            "protocol": "HTTP",
            "port": self.port - _ABOVE,
            "allowedRoutes": {"namespaces": {"from": "All"}},
        }
        gateway = {
            "apiVersion": _GROUP,
            "kind": "Gateway",
            "metadata": {"name": NAME},
            "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
        }
        api.apply(gateway, NAMESPACE)

    def _contour(self, xds: int) -> Process:
        cluster = self.cluster
        health, metrics, debug, stats = free_ports(4)
        config = cluster.folder / "contour.json"
        reference = {"namespace": NAMESPACE, "name": NAME}
        config.write_text(json.dumps({"gateway": {"gatewayRef": reference}}))
        listens = {"xds": xds, "health": health, "http": metrics, "stats": stats}
        addresses = [
            part
            for name, port in (*listens.items(), ("debug-http", debug))
            for part in (f"--{name}-address=127.0.0.1", f"--{name}-port={port}")
        ]
        return Process(
            [
                cluster.programs("contour"),
                "serve",
                "--insecure",
                f"--kubeconfig={cluster.kubeconfig}",
                f"--config-path={config}",
                "--disable-leader-election",
                "--envoy-service-http-address=127.0.0.1",
                "--envoy-service-https-address=127.0.0.1",
                *addresses,
                *(f"--disable-feature={name}" for name in _WITHOUT),
            ],
            folder=cluster.folder,
        )

    def _envoy(self, program: Path, xds: int) -> Process:
        folder = self.cluster.folder
        config = folder / "envoy.json"
        where = ("--xds-address=127.0.0.1", f"--xds-port={xds}")
        admin = f"--admin-address={folder / 'envoy.sock'}"
        contour = self.cluster.programs("contour")
        command = [contour, "bootstrap", str(config), *where, admin]
        subprocess.run(command, check=True, capture_output=True)
        return Process(
            [
                program,
                "--config-path",
                config,
                *("--service-cluster", NAME, "--service-node", "envoy"),
                *("--log-level", "warn", "--concurrency", "1", "--disable-hot-restart"),
            ],
            folder=folder,
        )

    def _programmed(self) -> bool:
        return is_true(self.cluster.api.get("gateways", NAME, NAMESPACE), "Programmed")


def accepted(cluster: Cluster, route: str, namespace: str) -> None:
    """Wait until a gateway has taken an HTTPRoute."""

    def taken() -> bool:
        found = cluster.api.find("httproutes", route, namespace) or {}
        parents = found.get("status", {}).get("parents") or ()
        return any(is_true({"status": parent}, "Accepted") for parent in parents)

    until(taken, f"the route {route} to be accepted")


def _free_port() -> int:
    """With a port that is taken, Envoy refuses all of its configuration."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + _ABOVE))
            except OSError:
                continue
            return port + _ABOVE
    raise RuntimeError("there is no free port for Envoy")
