"""Real model servers at addresses that an EndpointSlice may name."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import httpx

from bed.processes import Process

if TYPE_CHECKING:
    from pathlib import Path

    from bed.network import Addresses

PORT = 8080


def model_server(
    addresses: Addresses,
    folder: Path,
    *,
    runtime: str,
    model: str,
    files: Path,
) -> tuple[str, Process]:
    """Start a server of the model in *files* as a pod does; return its address, too."""
    address = addresses.another()
    command = addresses.within(
        *(sys.executable, "-m", "inferry_server", f"--runtime={runtime}"),
        *(f"--model_name={model}", f"--model_dir={files}", f"--host={address}"),
        *(f"--http_port={PORT}", "--management_port=0"),
    )
    kept = {key: text for key, text in os.environ.items() if "INFERRY" not in key}
    process = Process(
        command, folder=folder, name=f"server-{address}", environment=kept
    )

    def ready() -> bool:
        try:
            path = f"http://{address}:{PORT}/v2/health/ready"
            return httpx.get(path, timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    process.wait_until(ready, "its model to be loaded", 90)
    return address, process
