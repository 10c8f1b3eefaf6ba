"""From a snapshot's entries to files in a folder: bounded, checked, resumed."""

from __future__ import annotations

from inferry_storage.transfer.engine import Transferred, transfer

__all__ = ["Transferred", "transfer"]
