"""RESULTS.md: a section is measured anew, the others stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLE = "# Results of `nox -s bench`\n"
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)


def merged(kept: str, measured: Mapping[str, str]) -> str:
    """Return the text *kept* with the sections of *measured* in place of their like.

    A section begins with ``## `` and its name; what is new comes last.
    """
    starts = [*_SECTION.finditer(kept)]
    ends = [*(found.start() for found in starts[1:]), len(kept)]
    sections = {
        found[1]: kept[found.start() : end]
        for found, end in zip(starts, ends, strict=True)
    }
    texts = (text.strip() + "\n" for text in (sections | dict(measured)).values())
    return "\n".join([_TITLE, *texts])
