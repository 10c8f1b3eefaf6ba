"""The targets of the downloads, as ratios within one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_plane.targets import Target
from storage.clients import MANY, ONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.blobs import Blob

_LEAST = {
    ONE: {"s5cmd": 0.6, "kserve-storage": 1.8},
    MANY: {"s5cmd": 0.9, "kserve-storage": 5},
}


def targets(trees: Mapping[str, Mapping[str, Blob]]) -> list[Target]:
    """Return the targets of each case with what it downloads, from *trees*."""
    return [
        Target(what=_what(case, trees[case]), case=case, against=peer, least=bound)
        for case, bounds in _LEAST.items()
        for peer, bound in bounds.items()
    ]


def _what(case: str, tree: Mapping[str, Blob]) -> str:
    size = max(blob.size for blob in tree.values())
    if case == ONE:
        return f"one object of {shown(size)}"
    return f"{len(tree):,} files of {shown(size)}"


def shown(size: int) -> str:
    """Return a number of bytes as the tables say it."""
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size} bytes"
