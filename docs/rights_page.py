"""The tables of docs/how-to/rights-on-kubernetes.md, from the list that Roles come from.

``python docs/rights_page.py`` writes them between their marks; ``nox -s docs-check``
fails where the page says something else.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "how-to" / "rights-on-kubernetes.md"
_MARKED = re.compile(r"<!-- rights: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def write_rights(page: str) -> str:
    """Return *page* with its tables written anew."""
    from inferry_controller.install import rights

    def filled(match: re.Match[str]) -> str:
        table = rights.table(getattr(rights, match[1]))
        return f"<!-- rights: {match[1]} -->\n{table}\n<!-- end -->"

    return _MARKED.sub(filled, page)


if __name__ == "__main__":
    PAGE.write_text(write_rights(PAGE.read_text()))
