"""A machine for one node: a network namespace and a cgroup that nothing else is in.

Everything that a node changes in the network (bridges, routes, forwarding, the tables
of kube-proxy) goes with the namespace.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bed.control_plane import SERVICE_NET
from bed.network import ip

if TYPE_CHECKING:
    from bed.janitor import Janitor

_CGROUPS = Path("/sys/fs/cgroup")
_SWEEP = Path(__file__).with_name("sweep.py")


class Machine:
    """Number *number* of this test run; *folder* holds all that it writes.

    ``host`` is the address of this machine as seen from inside, ``address`` that of the
    machine as seen from here, and ``pods`` the net of its pods, which are reached from
    here, too.
    """

    def __init__(self, janitor: Janitor, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        folder.mkdir(parents=True, exist_ok=True)
        self.name = f"inferry-{os.getpid()}-n{number}"
        net = _free_net(number)
        self.host, self.address = f"10.{net}.254", f"10.{net}.1"
        self.pods = f"10.{100 + number}.{net.split('.')[1]}.0/24"
        janitor.later("rm", "-rf", folder)
        janitor.later("ip", "netns", "del", self.name)
        self._link(f"ifn{number}o{os.getpid()}"[:15])
        self.cgroup = f"/{self.name}"
        _make_cgroup(self.name)
        # Containers outlive the programs that started them.
        janitor.later(sys.executable, "-I", _SWEEP, folder, self.name)

    def within(self, *command: str | Path) -> list[str]:
        """Return the command line that runs *command* in its network.

        Not by ``ip netns exec``, which hides the cgroups.
        """
        space = f"--net=/run/netns/{self.name}"
        return ["nsenter", space, *(str(part) for part in command)]

    def join(self, other: Machine) -> None:
        """Let the pods of both reach each other, past this machine.

        It need not forward packets, and it is not told to.
        """
        near, far = f"10.57.{self.number}.1", f"10.57.{self.number}.2"
        link = f"to{other.number}", f"to{self.number}"
        pair = ("type", "veth", "peer", link[1], "netns", other.name)
        ip("-n", self.name, "link", "add", link[0], *pair)
        for machine, name, address in ((self, link[0], near), (other, link[1], far)):
            ip("-n", machine.name, "addr", "add", f"{address}/30", "dev", name)
            ip("-n", machine.name, "link", "set", name, "up")
        ip("-n", self.name, "route", "add", other.pods, "via", far)
        ip("-n", other.name, "route", "add", self.pods, "via", near)

    def serve_services(self) -> None:
        """Send the addresses of Services to the kube-proxy in here."""
        ip("route", "replace", SERVICE_NET, "via", self.address)

    def _link(self, outside: str) -> None:
        space, inside = self.name, "outward"
        ip("netns", "add", space)
        ip("link", "add", outside, "type", "veth", "peer", inside, "netns", space)
        ip("addr", "add", f"{self.host}/24", "dev", outside)
        ip("link", "set", outside, "up")
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "addr", "add", f"{self.address}/24", "dev", inside)
        ip("-n", space, "link", "set", inside, "up")
        ip("-n", space, "route", "add", "default", "via", self.host)
        ip("route", "add", self.pods, "via", self.address)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        ip("netns", "exec", space, "sh", "-c", forward)


def _free_net(number: int) -> str:
    """Return the second and third part of a net that this machine has no route to."""
    routes = Path("/proc/net/route").read_text().split()
    for third in range(1, 250):
        packed = f"{third:02X}{60 + number:02X}0A"
        if not any(packed in route for route in routes):
            return f"{60 + number}.{third}"
    raise RuntimeError("there is no free net for a node")


def _make_cgroup(name: str) -> None:
    """In each hierarchy; a set of CPUs is empty until it is copied."""
    if _CGROUPS.joinpath("cgroup.controllers").exists():
        folders = [_CGROUPS]
    else:
        folders = [folder for folder in _CGROUPS.iterdir() if folder.is_dir()]
    for parent in folders:
        folder = parent / name
        folder.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (parent / file).exists() and not (folder / file).read_text().strip():
                (folder / file).write_text((parent / file).read_text())
