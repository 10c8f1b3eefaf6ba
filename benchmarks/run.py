"""``nox -s bench``: measure, print the table, and with ``--write`` keep it.

Everything is a ratio or a difference within this run: the machine may be noisy, the
comparison is not.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from gateway import added_latency
from measure import markdown
from service import make_iris
from start_up import command_line, service

RESULTS = Path(__file__).parent / "RESULTS.md"


def machine() -> str:
    """Describe where and with what this was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("ray", "scikit-learn"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}, {packages}"
    )


def main() -> None:
    """Run every benchmark and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="write benchmarks/RESULTS.md"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        iris = make_iris(Path(folder))
        rows = command_line(5 if arguments.quick else 21)
        rows += service(iris, 1 if arguments.quick else 3)
        rows += added_latency(iris, 3 if arguments.quick else 15)
    table = f"{markdown(rows)}\n\n{machine()}; medians, in turn within one run.\n"
    print(table)
    if arguments.write:
        RESULTS.write_text(f"# Results of `nox -s bench`\n\n{table}")


if __name__ == "__main__":
    main()
