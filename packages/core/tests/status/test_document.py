from __future__ import annotations

import subprocess
import sys

from inferry.status import Reason
from inferry.status._document import document


def test_every_reason_is_on_the_page() -> None:
    page = document()
    assert all(f"| `{reason}` |" in page for reason in Reason)


def test_the_module_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inferry.status"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == document()
