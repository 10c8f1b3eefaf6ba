"""File shares of Azure Files."""

from inferry_storage.backends.azfile.storage import AzureFileStorage

__all__ = ["AzureFileStorage"]
