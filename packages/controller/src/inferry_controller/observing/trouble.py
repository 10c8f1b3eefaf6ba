"""`Trouble`: one thing that keeps a replica from being ready."""

from __future__ import annotations

import msgspec

from inferry.status import FATAL


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not ready, in words that stay the same while it stays so.

    ``message`` says what, without counts and times that change on their own: each
    other text would be another write of the status. ``container`` is the one it is
    about and ``exit_code`` how that ended, where there is such a container.
    """

    reason: str
    message: str
    remedy: str = ""
    container: str = ""
    exit_code: int = 0

    @property
    def blocks(self) -> bool:
        """Whether waiting alone does not cure it."""
        return self.reason in FATAL
