"""All checks of a complete download, in their order, before it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry_storage.checking import archives, scanning, signatures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inferry_storage.policy import Policy


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What may be published: *folder*, and whether its signature was verified."""

    folder: Path
    signed: bool = False


def check_tree(
    folder: Path,
    uri: str,
    policy: Policy,
    *,
    layers: Sequence[Path] | None = None,
    trusted: bool = False,
) -> Checked:
    """Unpack, verify and scan what was downloaded to *folder*; it blocks.

    ``layers`` are the files in *folder* that are layers of an image, the lowest first.
    ``trusted`` says that the service's author allowed code in the model. The folder to
    publish lies in *folder* where something was unpacked, else it is *folder* itself.

    Raises:
        StorageError: Of the kind that says what is wrong; publish nothing then.

    """
    ready = archives.unpack(folder, policy, layers=layers, uri=uri)
    signed = signatures.verify(ready, policy, uri=uri, remove=True)
    scanning.scan(ready, uri, policy, trusted=trusted)
    return Checked(folder=ready, signed=signed)
