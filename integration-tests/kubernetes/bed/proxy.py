"""kube-proxy: leads the addresses of Services to pods, on the machine of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bed.processes import Process, free_ports

if TYPE_CHECKING:
    from bed.node import Node


def kube_proxy(node: Node) -> Process:
    """Start it, so that the pods of *node* reach Services."""
    user = f"kube-proxy-{node.name}"
    kubeconfig = node.cluster.user("system:kube-proxy", file=user)
    health, metrics = free_ports(2)
    return Process(
        node.machine.within(
            node.cluster.programs("kube-proxy"),
            f"--kubeconfig={kubeconfig}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={node.machine.pods}",
            # Pods of one bridge would answer each other past the translation.
            "--masquerade-all",
            f"--hostname-override={node.name}",
            # It would set the limits of the whole machine.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            f"--metrics-bind-address=127.0.0.1:{metrics}",
            f"--healthz-bind-address=127.0.0.1:{health}",
        ),
        folder=node.folder,
        name="kube-proxy",
        environment=node.programs.environment,
    )
