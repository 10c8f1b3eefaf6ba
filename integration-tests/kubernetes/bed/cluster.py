"""`Cluster`: a control plane on loopback, its users, and what runs beside it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from typing import TYPE_CHECKING, Self
from uuid import uuid4

import httpx

from bed import control_plane, kwok
from bed.api import Api
from bed.certificates import Authority, signing_pair
from bed.janitor import Janitor
from bed.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from bed.api import Object
    from bed.certificates import Pair
    from bed.processes import Process, Usage

#: From the one that ends last to the one that ends first.
_ORDER = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
)
_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "127.0.0.1",
    "10.96.0.1",
)
_SERVER = "kube-apiserver"


class Cluster:
    """A real API server, and with *nodes* all that makes pods of Deployments.

    ``definitions`` are installed before the controllers start: their garbage collector
    looks for new kinds only every 30 seconds. ``address`` is another than
    loopback, for nodes that run for real. ``options`` are further flags of the server.
    """

    def __init__(
        self,
        folder: Path,
        programs: Callable[[str], Path],
        *,
        nodes: int | None = None,
        definitions: Iterable[Object] = (),
        options: Sequence[str] = (),
        address: str = "",
    ) -> None:
        self.folder = folder
        self.programs = programs
        self.processes: dict[str, Process] = {}
        self.janitor = Janitor()
        self.janitor.later("rm", "-rf", folder)
        self.port, self._etcd_port, peer = free_ports(3)
        self.url = f"https://{address or '127.0.0.1'}:{self.port}"
        self._clients = Authority("clients", folder / "pki")
        self._servers = Authority("servers", folder / "pki")
        self.authority = self._servers.certificate
        self._apis: list[Api] = []
        self._controlled = nodes is not None
        self._certificates = {
            "serving": self._servers.server(
                [*_NAMES, *([address] if address else [])], file="serving"
            ),
            "tokens": signing_pair(folder / "pki"),
        }
        self.kubeconfig = self.user("admin", "system:masters")
        self.api = self.api_of(self.kubeconfig)
        try:
            self._begin(
                peer, nodes or 0, definitions, [*self._flags(address), *options]
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything, the youngest first, and leave nothing behind."""
        for api in self._apis:
            api.close()
        for name in reversed(_ORDER):
            if process := self.processes.pop(name, None):
                process.stop()
        self.janitor.close()

    def user(self, name: str, *groups: str, file: str = "") -> Path:
        """Return a kubeconfig of the user *name* of *groups*, by a certificate."""
        stem = file or name.replace(":", "-")
        pair = self._clients.client(name, groups, file=stem)
        keys = {
            "client-certificate": str(pair.certificate),
            "client-key": str(pair.key),
        }
        return self._kubeconfig(stem, keys)

    def service_account(self, name: str, namespace: str, *, url: str = "") -> Path:
        """Return a kubeconfig with a token of a ServiceAccount that exists."""
        body = {"spec": {"expirationSeconds": 7200}}
        path = self.api.path("serviceaccounts", name, namespace, "token")
        token = self.api.request("POST", path, body)["status"]["token"]
        return self._kubeconfig(f"{namespace}-{name}", {"token": token}, url)

    def api_of(self, kubeconfig: Path) -> Api:
        """Return what asks as the user of *kubeconfig*."""
        said = json.loads(kubeconfig.read_text())
        user = said["users"][0]["user"]
        tls = ssl.create_default_context(cafile=str(self.authority))
        if "client-key" in user:
            tls.load_cert_chain(user["client-certificate"], user["client-key"])
        server = said["clusters"][0]["cluster"]["server"]
        api = Api(server, tls, token=user.get("token", ""))
        self._apis.append(api)
        return api

    def serving_pair(self, name: str) -> Pair:
        """Return a certificate of a server on loopback that kubeconfigs trust."""
        return self._servers.server(("127.0.0.1", "localhost"), file=name)

    def client_pair(self, user: str, *groups: str, file: str) -> Pair:
        """Return a certificate of a client that the API server knows as *user*."""
        return self._clients.client(user, groups, file=file)

    @property
    def client_authority(self) -> Path:
        """The certificate that those of clients are signed with."""
        return self._clients.certificate

    def namespace(self, prefix: str = "test", **labels: str) -> str:
        """Make a namespace of a new name; nobody waits for its deletion."""
        name = f"{prefix}-{uuid4().hex[:8]}"
        metadata = {"name": name, "labels": labels}
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        if self._controlled:
            server = self.processes[_SERVER]
            server.wait_until(
                lambda: self.api.find("serviceaccounts", "default", name) is not None,
                "the ServiceAccount of a new namespace",
            )
        return name

    def kubectl(
        self,
        *arguments: str,
        kubeconfig: Path | None = None,
        stdin: str = "",
        seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, or as the user of *kubeconfig*."""
        used = str(kubeconfig or self.kubeconfig)
        return subprocess.run(
            [self.programs("kubectl"), *arguments],
            input=stdin,
            env=os.environ | {"KUBECONFIG": used, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def usage(self) -> dict[str, Usage]:
        """Return what each program has used since it was started."""
        return {name: process.usage for name, process in self.processes.items()}

    def stop(self, name: str) -> None:
        """Kill one program; `start` brings it back with all that it has stored."""
        self.processes[name].kill()

    def start(self, name: str) -> None:
        """Start a program that was stopped; return when the API server is ready."""
        self.processes[name].start()
        self._wait_for_server()

    def restart(self, name: str) -> None:
        """Kill one program and start it again.

        After that of the API server, every older version of a watch is expired (410).
        """
        self.stop(name)
        self.start(name)

    def _begin(
        self,
        peer: int,
        nodes: int,
        definitions: Iterable[Object],
        options: Sequence[str],
    ) -> None:
        run = self.processes
        ports = (self._etcd_port, peer)
        run["etcd"] = control_plane.etcd(self.programs("etcd"), self.folder, ports)
        run[_SERVER] = control_plane.api_server(
            self.programs(_SERVER),
            self.folder,
            port=self.port,
            etcd_port=self._etcd_port,
            certificates=self._certificates,
            client_authority=self.client_authority,
            options=options,
        )
        self._wait_for_server()
        run[_SERVER].wait_until(
            lambda: self._answers("/api/v1/namespaces/default"), "namespace default"
        )
        self.api.install(definitions)
        if self._controlled:
            self._start_controllers()
        if nodes:
            kwok.add_nodes(self.api, nodes)
            program = self.programs("kwok")
            run["kwok"] = kwok.kwok(program, self.folder, self.kubeconfig)
            run["kwok"].wait_until(
                lambda: kwok.nodes_ready(self.api, nodes), "its nodes"
            )

    def _flags(self, address: str) -> list[str]:
        flags = [f"--bind-address={address or '127.0.0.1'}"]
        if not self._controlled:  # nothing makes the ServiceAccount of a namespace
            flags.append("--disable-admission-plugins=ServiceAccount")
        if not address:
            return [*flags, "--authorization-mode=RBAC"]
        kubelets = self.client_pair("kube-apiserver", "system:masters", file="kubelets")
        return [
            *flags,
            "--authorization-mode=Node,RBAC",
            f"--kubelet-client-certificate={kubelets.certificate}",
            f"--kubelet-client-key={kubelets.key}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def _start_controllers(self) -> None:
        manager, scheduler = "kube-controller-manager", "kube-scheduler"
        run = self.processes
        run[manager] = control_plane.controller_manager(
            self.programs(manager),
            self.folder,
            kubeconfig=self.user(f"system:{manager}", file=manager),
            authority=self.authority,
            tokens=self._certificates["tokens"],
        )
        run[scheduler] = control_plane.scheduler(
            self.programs(scheduler),
            self.folder,
            kubeconfig=self.user(f"system:{scheduler}", file=scheduler),
        )

    def _wait_for_server(self) -> None:
        self.processes[_SERVER].wait_until(lambda: self._answers("/readyz"), "/readyz")

    def _answers(self, path: str) -> bool:
        try:
            return self.api.answers(path)
        except httpx.HTTPError:
            return False

    def _kubeconfig(self, stem: str, user: dict[str, str], url: str = "") -> Path:
        cluster = {
            "server": url or self.url,
            "certificate-authority": str(self.authority),
        }
        context = {"cluster": "bed", "user": stem, "namespace": "default"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bed",
            "clusters": [{"name": "bed", "cluster": cluster}],
            "users": [{"name": stem, "user": user}],
            "contexts": [{"name": "bed", "context": context}],
        }
        path = self.folder / f"{stem}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(document, indent=1))  # JSON is YAML
        return path
