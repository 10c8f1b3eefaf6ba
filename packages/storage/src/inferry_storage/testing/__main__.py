"""Try every bad model and print a table: ``python -m inferry_storage.testing``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from inferry_storage.testing import Trying, bad_models, table


def main() -> int:
    """Return 1 if a model was let in, or refused for another reason than expected."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = asyncio.run(Trying(Path(folder)).all(bad_models()))
    print(table(outcomes))  # noqa: T201 - a command prints
    wrong = [each for each in outcomes if not each.expected]
    for each in wrong:
        print(f"unexpected: {each.model.name}: {each.error}")  # noqa: T201 - as above
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
