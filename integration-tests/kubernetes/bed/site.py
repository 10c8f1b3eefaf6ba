"""Everything at once: real nodes, a gateway, a controller, and a store of models."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bed.cluster import Cluster
from bed.controller import Controller, install
from bed.gateway import Gateway
from bed.janitor import Janitor
from bed.machine import Machine
from bed.names import Names
from bed.network import claim_address
from bed.node import REGISTRY, Node
from bed.proxy import kube_proxy
from bed.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.servers import Store

    from bed.api import Object
    from bed.debian import Programs

ACCOUNT, SECRET = "models", "store"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Site:
    """A cluster whose pods run, *count* nodes of it, and models in an S3 store."""

    def __init__(
        self,
        programs: Callable[[str], Path],
        packages: Programs,
        envoy: Path,
        store: Store,
        definitions: Sequence[Object],
        *,
        count: int = 2,
    ) -> None:
        self.store = store
        self._stack = contextlib.ExitStack()
        try:
            self._begin(programs, packages, envoy, definitions, count)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def namespace(self) -> str:
        """Make a namespace that takes restricted pods alone, with keys to the store."""
        name = self.cluster.namespace("site", **RESTRICTED)
        metadata = {"name": SECRET}
        keys = {
            key: self.store.values[key]
            for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        }
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        self.cluster.api.apply(secret | {"stringData": keys}, name)
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT},
            "secrets": [{"name": SECRET}],
        }
        self.cluster.api.apply(account, name)
        return name

    def _begin(
        self,
        programs: Callable[[str], Path],
        packages: Programs,
        envoy: Path,
        definitions: Sequence[Object],
        count: int,
    ) -> None:
        enter = self._stack.enter_context
        janitor = Janitor()
        self._stack.callback(janitor.close)
        machines = [
            Machine(janitor, _folder("inferry-node-"), number + 1)
            for number in range(count)
        ]
        for one, other in itertools.pairwise(machines):
            one.join(other)
        self.address = claim_address(janitor)
        self.cluster = enter(
            Cluster(
                _folder("inferry-bed-"),
                programs,
                nodes=0,
                definitions=definitions,
                address=self.address,
            )
        )
        self.nodes = [
            Node(self.cluster, machine, packages, f"node-{number + 1}", self.address)
            for number, machine in enumerate(machines)
        ]
        for node in self.nodes:
            self._stack.push(node.__exit__)
            self._stack.callback(kube_proxy(node).stop)
        enter(Names(self.cluster, self.address))
        endpoint = urlsplit(self.store.url)
        self.relay = enter(Relay(self.address, endpoint.port or 80))
        self.gateway = enter(Gateway(self.cluster, envoy))
        self._install()
        self.controller = enter(Controller(self.cluster, watched=()))
        for node in self.nodes:
            node.wait_until_ready()

    def _install(self) -> None:
        """As someone does whose models are in a store of their own, without https."""
        environment = {
            "AWS_ENDPOINT_URL": self.relay.url,
            "INFERRY_STORAGE__ENDPOINTS": json.dumps([self.relay.url]),
        }
        settings = {"kubernetes": {"storage_environment": environment}}
        install(self.cluster, registry=REGISTRY, settings=settings)


def _folder(prefix: str) -> Path:
    """The path of a socket has 107 characters at most, so it is none of pytest's."""
    return Path(tempfile.mkdtemp(prefix=prefix))
