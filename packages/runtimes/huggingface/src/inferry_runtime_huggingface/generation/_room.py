"""How long texts may be, and how much memory their keys and values may take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The longest text of a model that does not say how long they may be.
UNKNOWN = 4096

_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
# The rest is for whatever else the process and the machine do.
_SHARE_OF_HOST = 4
_SHARE_OF_DEVICE = 0.8
_FALLBACK = 1 << 30


def longest(config: Any) -> int:  # noqa: ANN401 - any config
    """Return how many positions a model has; 0 where it does not say."""
    text = config.get_text_config()
    for name in _POSITIONS:
        value = getattr(text, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 0


def available(device: torch.device) -> int:
    """Return how many bytes keys and values may take on *device*."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE_OF_DEVICE)
    return min(_free_memory(), default=_FALLBACK) // _SHARE_OF_HOST


def _free_memory(host: Path = _MEMORY, group: Path = _GROUP) -> Iterator[int]:
    """Yield what is free on the machine, and within the limit of the container."""
    try:
        for line in host.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit != "max":
            yield max(int(limit) - int((group / "memory.current").read_text()), 0)
    except (OSError, ValueError):
        pass
