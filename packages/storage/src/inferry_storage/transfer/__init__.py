"""From a snapshot's entries to files in a folder: bounded, checked, resumed."""

from __future__ import annotations

from inferry_storage.transfer.engine import Transferred, transfer
from inferry_storage.transfer.plan import Plan, plan

__all__ = ["Plan", "Transferred", "plan", "transfer"]
