"""The Hugging Face Hub."""

from inferry_storage.backends.hf.storage import HubStorage

__all__ = ["HubStorage"]
