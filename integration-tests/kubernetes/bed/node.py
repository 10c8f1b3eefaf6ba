"""A real node: kubelet, containerd, runc and CNI on a `Machine` of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

from bed import images
from bed.api import is_true
from bed.processes import Process, free_ports

if TYPE_CHECKING:
    from bed.cluster import Cluster
    from bed.debian import Programs
    from bed.machine import Machine

#: What this machine must have itself; the rest comes from `debian.programs`.
NEEDED = ("gcc", "nsenter", "ip", "mount")
#: What each of our images runs, as its own build would have it.
MODULES = {
    "inferry-runtime-sklearn": ("inferry_server",),
    "inferry-runtime-onnx": ("inferry_server",),
    "inferry-storage": ("inferry_storage",),
    "inferry-controller": ("inferry",),
}
REGISTRY = "localhost"
_CONTAINERD = """\
version = 2
root = "{folder}/images"
state = "{folder}/run"
[grpc]
  address = "{folder}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      base_runtime_spec = "{folder}/spec.json"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""
_NO_EVICTION = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
)


def missing() -> list[str]:
    """Return the programs that a node needs and this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


class Node:
    """One node of a cluster whose API server listens where the machine reaches it.

    *names* is the address of the server that its pods ask for names of Services.
    """

    def __init__(
        self,
        cluster: Cluster,
        machine: Machine,
        programs: Programs,
        name: str,
        names: str,
    ) -> None:
        self.cluster, self.machine, self.name = cluster, machine, name
        self.programs, self._names = programs, names
        self.folder = machine.folder
        self._write_network()
        self.containerd = self._start_containerd()
        self._import_images()
        self.kubelet = self._start_kubelet()

    def __enter__(self) -> Self:
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        """Its containers are the janitor's."""
        self.kubelet.stop()
        self.containerd.stop()

    def wait_until_ready(self) -> None:
        """Wait until pods may go there."""
        self.kubelet.wait_until(self._ready, "the node to be Ready")

    def _write_network(self) -> None:
        folder = self.folder / "cni"
        folder.mkdir()
        address = {"subnet": self.machine.pods}
        bridge = {
            "type": "bridge",
            "bridge": "pods",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(self.folder / "addresses"),
                "ranges": [[address]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        network = {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}
        (folder / "10-pods.conflist").write_text(json.dumps(network))

    def _start_containerd(self) -> Process:
        folder = self.folder
        config = folder / "containerd.toml"
        config.write_text(
            _CONTAINERD.format(
                folder=folder, pause=images.PAUSE, plugins=self.programs.plugins
            )
        )
        (folder / "spec.json").write_text(json.dumps(self._base_spec()))
        program = self.programs.path("containerd")
        # It looks for its shim and for runc in the PATH.
        process = Process(
            self.machine.within(program, "--config", config, "--log-level", "warn"),
            folder=folder,
            name="containerd",
            environment=self.programs.environment,
        )
        process.wait_until(lambda: self._ctr("version").returncode == 0, "its socket")
        return process

    def _import_images(self) -> None:
        pause = self.folder / "pause.tar"
        images.pause_image(pause)
        names = {images.PAUSE: pause}
        tag = version("inferry-controller")
        for image, module in MODULES.items():
            name = f"{REGISTRY}/{image}:{tag}"
            names[name] = self.folder / f"{image}.tar"
            images.python_image(names[name], name, *module)
        for name, file in names.items():
            self._must("images", "import", str(file))
            # The kubelet would remove what it believes that nothing uses.
            self._must("images", "label", name, "io.cri-containerd.pinned=pinned")

    def _start_kubelet(self) -> Process:
        folder = self.folder
        config = folder / "kubelet.json"
        config.write_text(json.dumps(self._kubelet_config()))
        kubeconfig = self.cluster.user(
            f"system:node:{self.name}", "system:nodes", file=f"kubelet-{self.name}"
        )
        return Process(
            self.machine.within(
                self.cluster.programs("kubelet"),
                f"--kubeconfig={kubeconfig}",
                f"--config={config}",
                f"--hostname-override={self.name}",
                f"--node-ip={self.machine.address}",
                f"--root-dir={folder / 'kubelet'}",
                f"--cert-dir={folder / 'certificates'}",
                "--v=2",
            ),
            folder=folder,
            name="kubelet",
        )

    def _kubelet_config(self) -> dict[str, object]:
        (health,) = free_ports(1)
        authority = str(self.cluster.client_authority)
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.machine.cgroup,
            "containerRuntimeEndpoint": f"unix://{self.folder}/c.sock",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": authority},
            },
            "authorization": {"mode": "Webhook"},
            "enforceNodeAllocatable": ["none"],
            "oomScoreAdj": 0,
            "evictionHard": dict.fromkeys(_NO_EVICTION, "0%"),
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "clusterDNS": [self._names],
            "clusterDomain": "cluster.local",
            "resolvConf": "/etc/resolv.conf",
            "syncFrequency": "10s",
            "podLogsDir": str(self.folder / "logs"),
            "volumePluginDir": str(self.folder / "volumes"),
            "nodeStatusUpdateFrequency": "5s",
            "healthzBindAddress": "127.0.0.1",
            "healthzPort": health,
            # They would count every packet of the machine.
            "makeIPTablesUtilChains": False,
        }

    def _ready(self) -> bool:
        node = self.cluster.api.find("nodes", self.name)
        return is_true(node, "Ready") and not (node or {})["spec"].get("taints")

    def _must(self, *arguments: str) -> None:
        done = self._ctr(*arguments)
        if done.returncode:
            raise RuntimeError(f"ctr {' '.join(arguments)}: {done.stderr}")

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        socket = ("-a", str(self.folder / "c.sock"), "-n", "k8s.io")
        return subprocess.run(
            [self.programs.path("ctr"), *socket, *arguments],
            capture_output=True,
            text=True,
            env=self.programs.environment,
            check=False,
        )

    def _base_spec(self) -> dict[str, object]:
        """What every container starts from: containerd's own, and our mounts."""
        done = subprocess.run(
            [self.programs.path("ctr"), "oci", "spec"],
            capture_output=True,
            text=True,
            check=True,
        )
        spec: dict[str, object] = json.loads(done.stdout)
        options = ["rbind", "ro", "nosuid", "nodev"]
        mounts = [
            {
                "destination": str(images.place(folder)),
                "type": "bind",
                "source": str(folder),
                "options": options,
            }
            for folder in images.sources()
        ]
        already = spec.get("mounts")
        spec["mounts"] = [*(already if isinstance(already, list) else []), *mounts]
        return spec
