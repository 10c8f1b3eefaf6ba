"""``nox -s bench``: measure, print the tables, and with ``--write`` keep them.

Everything is a ratio or a difference within this run: the machine may be noisy, the
comparison is not. ``benchmarks/README.md`` has the method.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from data_plane import suite
from data_plane.environments import InstallError
from data_plane.peers import PEERS
from gateway import added_latency
from measure import Row, markdown
from service import make_iris
from start_up import command_line, service

RESULTS = Path(__file__).parent / "RESULTS.md"
RESULTS_JSON = RESULTS.with_suffix(".json")
OVERHEAD = ("command-line", "start-up", "gateway")


def main() -> None:
    """Run what is asked for and print it."""
    arguments = _arguments()
    sections, data, rows = [], {}, []
    overhead = [name for name in OVERHEAD if _wanted(arguments, name)]
    if overhead:
        rows = _overhead(overhead, quick=arguments.quick)
        table = f"{markdown(rows)}\n\n{_machine()}; medians, in turn within one run.\n"
        sections.append(f"## Start and gateway\n\n{table}")
    if not arguments.only or set(arguments.only) & set(suite.CASES):
        result = suite.run(_options(arguments))
        sections.append(result.markdown)
        data = result.data
    text = "\n".join(sections)
    print(text)
    data["overhead"] = [
        {"what": row.what, "measured": row.measured, "met": row.met} for row in rows
    ]
    _keep(arguments, text, data)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    cases = (*OVERHEAD, *suite.CASES)
    parser.add_argument("--quick", action="store_true", help="about 3 minutes")
    parser.add_argument(
        "--only", type=_names, default=[], help=f"of {', '.join(cases)}"
    )
    parser.add_argument(
        "--peers", type=_names, default=[], help=f"of {', '.join(PEERS)}"
    )
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=0, help="of a window, at least")
    parser.add_argument(
        "--by-cpu",
        action="store_true",
        help="compare by the servers' CPU time, where others use the machine too",
    )
    parser.add_argument("--json", type=Path, help="write everything measured to a file")
    parser.add_argument(
        "--write", action="store_true", help="write benchmarks/RESULTS.md and .json"
    )
    arguments = parser.parse_args()
    for chosen, known in ((arguments.only, cases), (arguments.peers, tuple(PEERS))):
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    if arguments.write and (arguments.by_cpu or arguments.only or arguments.quick):
        parser.error("--write keeps whole runs: without --only, --quick and --by-cpu")
    return arguments


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _wanted(arguments: argparse.Namespace, name: str) -> bool:
    """Whether to measure what is beside the data plane; ``--quick`` leaves it out."""
    if arguments.only:
        return name in arguments.only
    return arguments.write or not (arguments.quick or arguments.peers)


def _options(arguments: argparse.Namespace) -> suite.Options:
    return suite.Options(
        quick=arguments.quick,
        only=arguments.only,
        peers=arguments.peers,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        by_cpu=arguments.by_cpu,
    )


def _overhead(names: list[str], *, quick: bool) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        iris = make_iris(Path(folder))
        if "command-line" in names:
            rows += command_line(5 if quick else 21)
        if "start-up" in names:
            rows += service(iris, 1 if quick else 3)
        if "gateway" in names:
            rows += added_latency(iris, 3 if quick else 15)
    return rows


def _machine() -> str:
    """Describe where and with what this was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("ray", "scikit-learn"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}, {packages}"
    )


def _keep(arguments: argparse.Namespace, text: str, data: dict[str, object]) -> None:
    encoded = json.dumps(data, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(encoded)
    if arguments.write:
        RESULTS.write_text(f"# Results of `nox -s bench`\n\n{text}")
        RESULTS_JSON.write_text(encoded)


if __name__ == "__main__":
    try:
        main()
    except (suite.MissingError, InstallError) as error:
        sys.exit(str(error))
