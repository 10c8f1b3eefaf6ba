"""What the hub's refusals mean, and what to do about each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import msgspec

from inferry.storage import (
    AccessDenied,
    NotFound,
    Unauthenticated,
    Unreachable,
    shown_uri,
)
from inferry_storage.network.faults import refused

if TYPE_CHECKING:
    from inferry.errors import StorageError

_RESET = re.compile(r"r=0;t=(\d{1,6})\b")
# The hub has no code for this one.
_DISABLED = "Access to this resource is disabled."
_CODES = frozenset(
    {"GatedRepo", "RepoNotFound", "RevisionNotFound", "EntryNotFound", "DisabledRepo"}
)


class Asker(msgspec.Struct, frozen=True):
    """Who asks the hub: with a token or without, and which rung found it."""

    hub: str
    rung: str
    has_token: bool

    def refusal(
        self, uri: str, status: int, headers: httpx.Headers, page: str
    ) -> StorageError:
        """Return what the hub's answer means, and what to do about it.

        *page* is where the repository is looked at in a browser.
        """
        error = refused(uri, status, headers, rung=self.rung)
        if error.transient:
            return self._later(error, headers)
        shown = shown_uri(uri)
        code = headers.get("x-error-code", "")
        if headers.get("x-error-message", "") == _DISABLED:
            code = "DisabledRepo"
        if code in _CODES:
            return self._by_code(shown, code, page)
        return self._by_status(shown, status) or error

    def _later(self, error: StorageError, headers: httpx.Headers) -> StorageError:
        # Beside Retry-After the hub has a draft of the IETF: "api";r=0;t=55.
        reset = _RESET.search(headers.get("ratelimit", ""))
        if isinstance(error, Unreachable) and error.retry_after is None and reset:
            error.retry_after = float(reset[1])
        if not self.has_token:
            error.remedy = "try again later, or set HF_TOKEN: it is let in more often"
        return error

    def _by_code(self, shown: str, code: str, page: str) -> StorageError:
        if code == "GatedRepo":
            return self._gated(shown, page)
        if code == "RepoNotFound":
            return self._missing(shown)
        if code == "RevisionNotFound":
            return NotFound(
                f"{shown}: there is no such revision",
                remedy=f"correct it: {page}/branches",
            )
        if code == "EntryNotFound":
            return NotFound(
                f"{shown}: there is no such file", remedy=f"see {page}/tree/main"
            )
        return AccessDenied(
            f"{shown}: the hub has disabled this repository",
            remedy="use another one",
        )

    def _by_status(self, shown: str, status: int) -> StorageError | None:
        if status == httpx.codes.UNAUTHORIZED:
            return self._unknown(shown)
        if status == httpx.codes.FORBIDDEN:
            return AccessDenied(
                f"{shown}: the hub refuses the token ({self.rung})",
                remedy="give the token read access to this repository",
            )
        if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            return self._missing(shown)
        return None

    def _gated(self, shown: str, page: str) -> StorageError:
        if self.has_token:
            return AccessDenied(
                f"{shown} is gated, and the account of the token ({self.rung}) "
                "was not let in",
                remedy=f"accept its licence at {page}",
            )
        return Unauthenticated(
            f"{shown} is gated, and no token was found",
            rung=self.rung,
            remedy=f"accept its licence at {page} and set HF_TOKEN",
        )

    def _missing(self, shown: str) -> StorageError:
        if self.has_token:
            return NotFound(
                f"{shown}: there is no such repository, "
                f"or the token ({self.rung}) may not see it",
                remedy="correct the name, or use a token that may read it",
            )
        # The hub says the same of a private repository as of none.
        return NotFound(
            f"{shown}: there is no such repository, or it is private",
            remedy="correct the name, or set HF_TOKEN",
        )

    def _unknown(self, shown: str) -> StorageError:
        if self.has_token:
            return Unauthenticated(
                f"{shown}: the hub does not know the token ({self.rung})",
                rung=self.rung,
                remedy="it is wrong or expired: make one at "
                f"{self.hub}/settings/tokens and set HF_TOKEN",
            )
        return Unauthenticated(
            f"{shown}: the hub asks for a token, and none was found",
            rung=self.rung,
            remedy="set HF_TOKEN",
        )
