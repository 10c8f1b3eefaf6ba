"""Examples at the end of a command's help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Return what click prints below the options, a line each, unwrapped."""
    return "\n".join(
        ("\b", "Examples:", *(f"  inferry storage {each}" for each in lines))
    )
