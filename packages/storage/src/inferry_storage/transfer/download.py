"""`download`: `transfer` for those who need no account of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_storage.transfer.engine import transfer

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.storage import Snapshot, Storage
    from inferry_storage.policy import Policy
    from inferry_storage.progress import Reporter


async def download(
    snapshot: Snapshot,
    storage: Storage,
    folder: Path,
    *,
    policy: Policy,
    reporter: Reporter,
) -> None:
    """Write every entry of *snapshot* below *folder*.

    Raises:
        StorageError: As `transfer` does.

    """
    await transfer(snapshot, storage, folder, policy=policy, reporter=reporter)
