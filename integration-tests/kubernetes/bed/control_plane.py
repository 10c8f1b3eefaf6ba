"""The programs of a control plane, each with the flags that a test bed needs."""

from __future__ import annotations

import http.client
import shutil
import ssl
from typing import TYPE_CHECKING

from bed.processes import Process, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bed.certificates import Pair

#: What serving needs; all that the program has would cost more CPU and memory.
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "job-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "horizontal-pod-autoscaler-controller",
    "disruption-controller",
    "pod-garbage-collector-controller",
    "resourcequota-controller",
    "clusterrole-aggregation-controller",
    "node-lifecycle-controller",  # takes the taint off that every new Node gets
)
SERVICE_NET = "10.96.0.0/16"
_OPEN = "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics"
_FAST = ("--kube-api-qps=1000", "--kube-api-burst=2000", "--profiling=false")


def etcd(program: Path, folder: Path, ports: Sequence[int]) -> Process:
    """Start etcd without syncing to the disk; *ports* are for clients and peers."""
    client, peer = (f"http://127.0.0.1:{port}" for port in ports)
    shutil.rmtree(folder / "etcd", ignore_errors=True)
    process = Process(
        [
            program,
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync=true",
            # A single member elects itself after one timeout.
            "--heartbeat-interval=10",
            "--election-timeout=100",
            "--quota-backend-bytes=8589934592",
            "--log-level=warn",
        ],
        folder=folder,
    )
    process.wait_until(lambda: _healthy(ports[0], "/health", tls=False), "/health")
    return process


def api_server(
    program: Path,
    folder: Path,
    *,
    port: int,
    etcd_port: int,
    certificates: dict[str, Pair],
    client_authority: Path,
    options: Sequence[str],
) -> Process:
    """Start kube-apiserver; the caller waits until it is ready."""
    serving, tokens = certificates["serving"], certificates["tokens"]
    return Process(
        [
            program,
            f"--etcd-servers=http://127.0.0.1:{etcd_port}",
            f"--secure-port={port}",
            f"--cert-dir={folder / 'apiserver'}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={client_authority}",
            f"--service-cluster-ip-range={SERVICE_NET}",
            "--allow-privileged=true",
            f"--service-account-issuer=https://127.0.0.1:{port}",
            f"--service-account-key-file={tokens.certificate}",
            f"--service-account-signing-key-file={tokens.key}",
            "--profiling=false",
            *options,
        ],
        folder=folder,
    )


def controller_manager(
    program: Path, folder: Path, *, kubeconfig: Path, authority: Path, tokens: Pair
) -> Process:
    """Start kube-controller-manager with `CONTROLLERS`, until it is healthy."""
    (port,) = free_ports(1)
    options = [
        "--controllers=" + ",".join(CONTROLLERS),
        f"--root-ca-file={authority}",
        f"--service-account-private-key-file={tokens.key}",
        "--use-service-account-credentials=true",
    ]
    return _started(program, folder, kubeconfig, port, options)


def scheduler(program: Path, folder: Path, *, kubeconfig: Path) -> Process:
    """Start kube-scheduler and return it when it is healthy."""
    (port,) = free_ports(1)
    return _started(program, folder, kubeconfig, port, [])


def _started(
    program: Path, folder: Path, kubeconfig: Path, port: int, options: Sequence[str]
) -> Process:
    process = Process(
        [
            program,
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder / program.name}",
            _OPEN,
            *_FAST,
            *options,
        ],
        folder=folder,
    )
    process.wait_until(lambda: _healthy(port, "/healthz", tls=True), "/healthz")
    return process


def _healthy(port: int, path: str, *, tls: bool) -> bool:
    """Its certificate is one that it made itself; nothing secret is sent."""
    if tls:
        context = ssl._create_unverified_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", port, context=context, timeout=2
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()
