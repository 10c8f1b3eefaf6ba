"""The page that lists every reason, made from the reasons themselves."""

from __future__ import annotations

from inferry.status._reasons import IN_PROGRESS, MEANINGS, REMEDIES, Reason

_HEAD = """\
# Reasons

A service that is not ready says why in one word, and in one line what to do.
The list is closed, and the same on a laptop and on a cluster.

This page is made by `python -m inferry.status`.
"""
_TABLE = ["| reason | what it means | what to do |", "|---|---|---|"]


def document() -> str:
    """Return the reference page of all reasons, as Markdown."""
    cured = [each for each in Reason if each in IN_PROGRESS]
    others = [each for each in Reason if each not in IN_PROGRESS]
    parts = [
        _HEAD,
        "## While it is on its way\n",
        *_TABLE,
        *map(_row, cured),
        "\n## When somebody has to act\n",
        *_TABLE,
        *map(_row, others),
    ]
    return "\n".join(parts) + "\n"


def _row(reason: Reason) -> str:
    return f"| `{reason}` | {MEANINGS[reason]} | {REMEDIES[reason]} |"
