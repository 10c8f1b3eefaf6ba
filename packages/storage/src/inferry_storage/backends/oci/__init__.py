"""Images and artifacts of OCI registries: a small client that checks every digest."""

from __future__ import annotations

from inferry_storage.backends.oci.storage import OciStorage

__all__ = ["OciStorage"]
