from __future__ import annotations

import subprocess
import sys


def test_importing_reads_no_yaml_and_no_framework() -> None:
    code = (
        "import inferry.api, sys; "
        "print([m for m in ('yaml', 'numpy', 'click', 'rich', 'asyncio') "
        "if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
