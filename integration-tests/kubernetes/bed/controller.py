"""The real ``inferry controller`` in a process, with the rights that an install has."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Self

import httpx

from bed.api import until
from bed.processes import Process, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bed.cluster import Cluster
    from bed.processes import Usage

INSTALLED = "inferry"
ACCOUNT = "inferry-controller"
#: What an install consists of besides its rights; the process is here instead.
_ELSEWHERE = (
    "CustomResourceDefinition",
    "Deployment",
    "PodDisruptionBudget",
    "Service",
)
_START_SECONDS = 60


def install(cluster: Cluster, **options: object) -> str:
    """Give a controller its namespace, account, rights and settings; return the first.

    *options* are those of `inferry_controller.install.InstallOptions`.
    """
    from inferry_controller.install import InstallOptions, manifests

    chosen = InstallOptions(**options)
    for document in manifests(chosen):
        if document["kind"] not in _ELSEWHERE:
            try:
                cluster.api.apply(document, manager="install")
            except LookupError:  # kinds of others, such as ServiceMonitor
                continue
    _wait_for_rights(cluster, chosen.namespace, next(iter(chosen.watch), "default"))
    return chosen.namespace


class Controller:
    """One process; it acts as the ServiceAccount of the install in *namespace*.

    *watched* are the namespaces that it looks after; none means all, which on a cluster
    that tests share would take the services of others from their controllers. *url* is
    that of a proxy before the API server. *settings* are environment variables without
    their ``INFERRY_``.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        watched: Sequence[str],
        namespace: str = INSTALLED,
        url: str = "",
        name: str = "controller",
        **settings: str,
    ) -> None:
        self.cluster = cluster
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        kubeconfig = cluster.service_account(ACCOUNT, namespace, url=url)
        given = {
            "CONTROLLER__PORT": str(self.port),
            "CONTROLLER__HOST": "127.0.0.1",
            "CONTROLLER__NAMESPACE": namespace,
            "CONTROLLER__NAMESPACES": ",".join(watched),
            "CONTROLLER__LEADER_ELECTION": "false",
        } | settings
        environment = {f"INFERRY_{key}": value for key, value in given.items() if value}
        environment |= {"KUBECONFIG": str(kubeconfig), "HOME": str(cluster.folder)}
        self.process = Process(
            [sys.executable, "-m", "inferry", "controller"],
            folder=cluster.folder,
            name=f"{name}-{self.port}",
            environment=_kept() | environment,
        )

    def __enter__(self) -> Self:
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop(seconds=20)

    def wait_until_ready(self) -> None:
        """Wait until it says that its caches are filled."""
        self.process.wait_until(
            lambda: self._says("/readyz"), "/readyz", _START_SECONDS
        )

    def kill(self) -> None:
        """Kill it without a warning."""
        self.process.kill()

    def start(self) -> None:
        """Start it again."""
        self.process.start()
        self.wait_until_ready()

    def restart(self) -> None:
        """Kill it without a warning and start it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop it in time, as a node does that hangs."""
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self.process.signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self.process.log.read_text(errors="replace")

    @property
    def usage(self) -> Usage:
        """CPU and memory since its last start."""
        return self.process.usage

    def metrics(self) -> dict[str, float]:
        """Return every sample of /metrics by its name and labels as written."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if line and line[0] != "#"]
        samples = (line.rpartition(" ") for line in lines)
        return {name: float(value) for name, _, value in samples}

    def _says(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}", timeout=2).is_success
        except httpx.HTTPError:
            return False


def _wait_for_rights(cluster: Cluster, namespace: str, watched: str) -> None:
    """The API server acts on new bindings a moment later."""
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    asked = {
        "verb": "list",
        "group": "serving.kserve.io",
        "resource": "inferenceservices",
        "namespace": watched,
    }
    review = {"spec": {"user": user, "resourceAttributes": asked}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    until(
        lambda: cluster.api.request("POST", path, review)["status"]["allowed"],
        f"the rights of {user}",
    )


def _kept() -> dict[str, str]:
    """This environment without the user's own settings."""
    unwanted = ("INFERRY", "KUBE")
    return {
        key: value
        for key, value in os.environ.items()
        if not any(word in key for word in unwanted)
    }
