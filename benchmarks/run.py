"""``nox -s bench``: measure, print the tables, and with ``--write`` keep them.

Everything is a ratio or a difference within this run: the machine may be noisy, the
comparison is not. ``benchmarks/README.md`` has the method. Without a name it measures
the start, the gateway and the data plane; ``storage`` measures downloads,
``controller`` the Kubernetes controller beside a real API server, ``runtimes`` each
runtime beside its library and ``models`` many models in one server.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

# The store and the fault proxy are those of the tests: one way to start servers.
sys.path.append(str(Path(__file__).parents[1] / "integration-tests"))
sys.path.append(str(Path(__file__).parents[1] / "integration-tests" / "kubernetes"))

import many_models
import results
from controller import suite as controller_suite
from data_plane import suite
from data_plane.environments import InstallError
from data_plane.peers import PEERS
from gateway import added_latency
from measure import Row, markdown
from runtimes import suite as runtimes_suite
from service import make_iris
from start_up import command_line, service
from storage import suite as storage_suite
from storage.clients import CLIENTS
from storage.runs import DownloadError

RESULTS = Path(__file__).parent / "RESULTS.md"
RESULTS_JSON = RESULTS.with_suffix(".json")
OVERHEAD = ("command-line", "start-up", "gateway")


def main() -> None:
    """Run what is asked for and print it."""
    arguments = _arguments()
    # What was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    sections, data = ({}, {}) if arguments.what else _serving(arguments)
    # What is written without a name is all there is.
    what = arguments.what or (tuple(filter(None, _KNOWN)) if arguments.write else ())
    if "storage" in what:
        result = storage_suite.run(_storage_options(arguments))
        sections["Storage"] = result.markdown
        data["storage"] = result.data
    if "controller" in what:
        result = controller_suite.run(_controller_options(arguments))
        sections["Controller"] = result.markdown
        data["controller"] = result.data
    if "runtimes" in what:
        result = runtimes_suite.run(_runtimes_options(arguments))
        sections["Runtimes"] = result.markdown
        data["runtimes"] = result.data
    if "models" in what:
        result = many_models.run(quick=arguments.quick)
        sections["Many models"] = result.markdown
        data["models"] = result.data
    print("\n".join(sections.values()))
    _keep(arguments, sections, data)


def _serving(arguments: argparse.Namespace) -> tuple[dict[str, str], dict[str, Any]]:
    """Measure the start, the gateway and the data plane."""
    sections: dict[str, str] = {}
    data: dict[str, Any] = {}
    rows: list[Row] = []
    overhead = [name for name in OVERHEAD if _wanted(arguments, name)]
    if overhead:
        rows = _overhead(overhead, quick=arguments.quick)
        table = f"{markdown(rows)}\n\n{_machine()}; medians, in turn within one run.\n"
        sections["Start and gateway"] = f"## Start and gateway\n\n{table}"
    if not arguments.only or set(arguments.only) & set(suite.CASES):
        result = suite.run(_options(arguments))
        sections["Data plane"] = result.markdown
        data = result.data
    data["overhead"] = [
        {"what": row.what, "measured": row.measured, "met": row.met} for row in rows
    ]
    return sections, data


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", nargs="*", help="storage, controller, runtimes or models, and no more"
    )
    parser.add_argument("--quick", action="store_true", help="about 3 minutes")
    parser.add_argument("--only", type=_names, default=[], help=_listed(0))
    parser.add_argument("--peers", type=_names, default=[], help=_listed(1))
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
    cases, peers = _KNOWN.get("".join(arguments.what[:1]), _KNOWN[""])
    for chosen, known in (
        (arguments.what, tuple(filter(None, _KNOWN))),
        (arguments.only, cases),
        (arguments.peers, peers),
    ):
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    if arguments.write and (arguments.by_cpu or arguments.only or arguments.quick):
        parser.error("--write keeps whole runs: without --only, --quick and --by-cpu")
    return arguments


#: What may be named, the cases and the peers, after ``storage`` and without it.
_KNOWN = {
    "": ((*OVERHEAD, *suite.CASES), tuple(PEERS)),
    "controller": (controller_suite.CASES, ()),
    "models": ((), ()),
    "runtimes": (runtimes_suite.CASES, ()),
    "storage": (storage_suite.CASES, tuple(CLIENTS)),
}


def _listed(which: int) -> str:
    """Return a help text with what may be named."""
    serving, *others = (", ".join(names[which]) for names in _KNOWN.values())
    named = dict(zip([*_KNOWN][1:], others, strict=True))
    more = "; ".join(f"of {what}: {names}" for what, names in named.items() if names)
    return f"of {serving}; {more}"


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


def _storage_options(arguments: argparse.Namespace) -> storage_suite.Options:
    alone = bool(arguments.what)  # the cases and peers that were named are its own
    return storage_suite.Options(
        quick=arguments.quick,
        only=arguments.only if alone else (),
        peers=arguments.peers if alone else (),
        rounds=arguments.rounds,
    )


def _controller_options(arguments: argparse.Namespace) -> controller_suite.Options:
    return controller_suite.Options(
        quick=arguments.quick,
        only=arguments.only if arguments.what else (),
    )


def _runtimes_options(arguments: argparse.Namespace) -> runtimes_suite.Options:
    return runtimes_suite.Options(
        quick=arguments.quick,
        only=arguments.only if arguments.what else (),
        rounds=arguments.rounds,
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


def _keep(
    arguments: argparse.Namespace, sections: dict[str, str], data: dict[str, Any]
) -> None:
    if arguments.json:
        arguments.json.write_text(json.dumps(data, indent=1) + "\n")
    if arguments.write:
        RESULTS.write_text(results.merged(RESULTS.read_text(), sections))
        kept = json.loads(RESULTS_JSON.read_text()) | data
        RESULTS_JSON.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (suite.MissingError, InstallError, DownloadError) as error:
        sys.exit(str(error))
