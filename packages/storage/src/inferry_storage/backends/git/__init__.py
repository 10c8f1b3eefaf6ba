"""Git repositories over https, at a commit that the URI pins."""

from inferry_storage.backends.git.storage import GitStorage

__all__ = ["GitStorage"]
