"""Real model servers at addresses that an EndpointSlice may name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bed.constant import FILE
from bed.processes import Process

if TYPE_CHECKING:
    from bed.network import Addresses

PORT = 8080
_START_SECONDS = 120


class ModelServer:
    """A server as it runs in a pod, at an ``address`` of its own."""

    def __init__(
        self,
        addresses: Addresses,
        folder: Path,
        model: str,
        *arguments: str,
        address: str = "",
    ) -> None:
        self.address = address or addresses.another()
        command = addresses.within(
            *(sys.executable, "-m", "inferry_server", *arguments),
            *(f"--model_name={model}", f"--host={self.address}"),
            *(f"--http_port={PORT}", "--management_port=0"),
        )
        kept = {key: text for key, text in os.environ.items() if "INFERRY" not in key}
        here = str(Path(__file__).resolve().parents[1])
        self.process = Process(
            command,
            folder=folder,
            name=f"server-{self.address}",
            environment=kept | {"PYTHONPATH": here},
        )

    def wait_until_ready(self) -> None:
        """Wait until its model is loaded."""
        self.process.wait_until(self._ready, "its model to be loaded", _START_SECONDS)

    def _ready(self) -> bool:
        try:
            path = f"http://{self.address}:{PORT}/v2/health/ready"
            return httpx.get(path, timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False


def constant_server(
    addresses: Addresses, folder: Path, model: str, number: int
) -> ModelServer:
    """Start a server that answers *number*."""
    files = folder / f"constant-{number}"
    files.mkdir(exist_ok=True)
    (files / FILE).write_text(str(number))
    named = "--model_class=bed.constant:Constant"
    return ModelServer(addresses, folder, model, named, f"--model_dir={files}")
