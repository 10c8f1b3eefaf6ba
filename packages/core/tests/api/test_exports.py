from __future__ import annotations

import subprocess
import sys

import inferry.api


def test_all_is_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(inferry.api).items()
        if not name.startswith("_") and not isinstance(value, type(sys))
    }

    assert set(inferry.api.__all__) == public
    # As ruff sorts it: constants, then classes, then functions.
    constants = [name for name in inferry.api.__all__ if name.isupper()]
    classes = [n for n in inferry.api.__all__ if n[0].isupper() and not n.isupper()]
    functions = [name for name in inferry.api.__all__ if name[0].islower()]
    assert inferry.api.__all__ == [
        *sorted(constants),
        *sorted(classes),
        *sorted(functions),
    ]


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
