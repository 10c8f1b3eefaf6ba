"""Addresses of a test bed: those that nobody has, and a namespace for real servers."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from bed.control_plane import SERVICE_NET
from bed.kwok import POD_NET

if TYPE_CHECKING:
    from bed.janitor import Janitor


def may_change() -> bool:
    """Whether this user can make routes and network namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


def ip(*arguments: str) -> None:
    """Run ``ip``; an error that says what it said."""
    done = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def refuse_fakes(janitor: Janitor, metric: int) -> None:
    """Let calls to addresses of fake pods and Services fail at once.

    They would leave this machine by its default route and hang. ``metric`` tells the
    routes of two test beds apart.
    """
    if not may_change():
        return
    for net in (POD_NET, SERVICE_NET):
        route = ("unreachable", net, "metric", str(metric))
        janitor.later("ip", "route", "del", *route)
        ip("route", "add", *route)


def claim_address(janitor: Janitor) -> str:
    """Give this machine an address that all its network namespaces reach; return it.

    It is that of this test run alone: the address goes when the run ends.
    """
    for number in range(1, 255):
        address = f"10.59.{number}.254"
        try:
            ip("addr", "add", f"{address}/32", "dev", "lo")
        except RuntimeError:  # another test run has it
            continue
        janitor.later("ip", "addr", "del", f"{address}/32", "dev", "lo")
        return address
    raise RuntimeError("there is no free address for a cluster")


class Addresses:
    """A network namespace with a veth pair, where servers get addresses of their own.

    An EndpointSlice refuses loopback addresses, so a real server behind one needs
    another that only this machine knows.
    """

    def __init__(self, janitor: Janitor) -> None:
        self.name = f"inferry-{os.getpid()}-servers"
        number = os.getpid() % 254 + 1  # another test run has another
        self._net = f"10.99.{number}"
        self._used = 0
        outside, self._inside = f"if{number}o{os.getpid()}"[:15], "inside"
        janitor.later("ip", "netns", "del", self.name)  # takes the pair with it
        ip("netns", "add", self.name)
        ip(
            "link",
            "add",
            outside,
            "type",
            "veth",
            "peer",
            self._inside,
            "netns",
            self.name,
        )
        ip("addr", "add", f"{self._net}.254/24", "dev", outside)
        ip("link", "set", outside, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "set", self._inside, "up")

    def another(self) -> str:
        """Return a new address that servers inside can listen on."""
        self._used += 1
        address = f"{self._net}.{self._used}"
        ip("-n", self.name, "addr", "add", f"{address}/24", "dev", self._inside)
        return address

    def within(self, *command: str) -> list[str]:
        """Return the command line that runs *command* inside."""
        return ["ip", "netns", "exec", self.name, *command]
