"""How a container of ours says why it ended: a message, and an exit code behind it.

A pod keeps the last message of each container, ``Reason: what is wrong``, and on the
next line what to do. Where a container could write none, its exit code still tells the
reason.
"""

from __future__ import annotations

import contextlib
import os
from types import MappingProxyType

import msgspec

from inferry.errors import printable
from inferry.status._reasons import Reason

#: Kubernetes' default terminationMessagePath, and how many bytes of it are read.
_PATH = "/dev/termination-log"
_LONGEST = 4096
#: Where a pod says another terminationMessagePath: nothing tells it to a container.
PATH_VARIABLE = "TERMINATION_MESSAGE_PATH"

#: What the container that fetches a model ends with; `inferry.storage` has the kinds.
STORAGE_EXITS = MappingProxyType(
    {
        2: Reason.StorageFailed,
        3: Reason.StorageNotFound,
        4: Reason.StorageAccessDenied,
        5: Reason.StorageNotAllowed,
        6: Reason.StorageCorrupt,
        7: Reason.StorageUnreachable,
        8: Reason.StorageFull,
    }
)
#: What a model server ends with that cannot load its model.
SERVER_EXITS = MappingProxyType(
    {
        20: Reason.ModelLoadFailed,
        21: Reason.ModelNotFound,
        22: Reason.ModelCorrupt,
        23: Reason.ModelUnsafe,
        24: Reason.ModelVersionMismatch,
        25: Reason.WarmUpFailed,
        26: Reason.OutOfMemory,
        27: Reason.LoadTimeout,
        28: Reason.RuntimeNotInstalled,
        29: Reason.InvalidSpec,
    }
)
_CODES: dict[str, int] = {reason: code for code, reason in SERVER_EXITS.items()}


class Termination(msgspec.Struct, frozen=True):
    """What a container said when it ended; ``reason`` is empty if it named none."""

    reason: str
    message: str
    remedy: str = ""


def exit_code(reason: str) -> int:
    """Return what a model server ends with that fails to load for *reason*."""
    return _CODES.get(reason, _CODES[Reason.ModelLoadFailed])


def write_termination(reason: str, message: str, remedy: str = "") -> None:
    """Leave the pod its termination message, if there is a file for it.

    On a machine that is no pod nothing is made, and nothing is said.
    """
    first = f"{reason}: {_folded(message)}" if reason else _folded(message)
    text = f"{first}\n{_folded(remedy)}".rstrip()
    path = os.environ.get(PATH_VARIABLE) or _PATH
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(text.encode("utf-8", "replace")[:_LONGEST])


def read_termination(text: str) -> Termination:
    """Return what the termination message *text* says, whoever wrote it."""
    first, _, rest = text.strip().partition("\n")
    word, colon, message = first.partition(": ")
    if colon and word in Reason.__members__:
        return Termination(word, _folded(message), _folded(rest))
    return Termination("", _folded(text))


def _folded(text: str) -> str:
    # Whoever wrote it: it ends up in events, tables and terminals.
    return printable(" ".join(text.split()))
