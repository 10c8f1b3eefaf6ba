"""Measure the cases of one module in this process, and print them as JSON.

``python -m runtimes.cell NAME ROUNDS``: a process of its own, because frameworks take
threads, memory and time from each other.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtimes.case import Case

_BLOCK_SECONDS = 0.01
_LOADS = 5


def main() -> None:
    """Measure each case of the module that is named."""
    name, rounds = sys.argv[1], int(sys.argv[2])
    module = importlib.import_module(f"runtimes.cases.{name}")
    with tempfile.TemporaryDirectory() as folder:
        found = [
            _measured(case, Path(folder) / str(index), rounds)
            for index, case in enumerate(module.cases())
        ]
    print(json.dumps(found))


def _measured(case: Case, folder: Path, rounds: int) -> dict[str, Any]:
    missing = [each for each in case.needs if importlib.util.find_spec(each) is None]
    if missing:
        return {"title": case.title, "missing": missing}
    folder.mkdir()
    path = case.make(folder)
    bare, model = case.bare(path), _model(case, path)
    loads = _loads(case, path)
    calls = [
        {"rows": rows} | _calls(case, bare, model, rows, rounds) for rows in case.rows
    ]
    model.unload()
    return {"title": case.title, "load": loads, "calls": calls}


def _model(case: Case, path: Path) -> Any:  # noqa: ANN401 - any model
    module, _, name = case.target.partition(":")
    model = getattr(importlib.import_module(module), name)()
    model.load(path, dict(case.options))
    return model


def _loads(case: Case, path: Path) -> dict[str, float]:
    """Return the milliseconds of a load, ours and the library's; medians, in turn."""
    ours, bare = [], []
    for _ in range(_LOADS):
        started = time.perf_counter()
        case.bare(path)
        between = time.perf_counter()
        model = _model(case, path)
        ours.append(time.perf_counter() - between)
        bare.append(between - started)
        model.unload()
    return {
        "ours": statistics.median(ours) * 1e3,
        "bare": statistics.median(bare) * 1e3,
    }


def _calls(
    case: Case,
    bare: Callable[..., Any],
    model: Any,  # noqa: ANN401 - any model
    rows: int,
    rounds: int,
) -> dict[str, float]:
    """Return the microseconds of a call, ours and the library's, in turn."""
    request = case.request(rows)
    arrays = [tensor.data for tensor in request.inputs]
    predict = model.predict
    loop = asyncio.new_event_loop()
    if inspect.iscoroutinefunction(predict):

        def ask() -> Any:  # noqa: ANN401 - a response
            return loop.run_until_complete(predict(request))
    else:

        def ask() -> Any:  # noqa: ANN401 - a response
            return predict(request)

    _check(case, bare(*arrays), ask())
    calls = max(1, int(_BLOCK_SECONDS / _block(lambda: bare(*arrays), 3)))
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(_block(lambda: bare(*arrays), calls))
        ours.append(_block(ask, calls))
    loop.close()
    # The least: what else runs on the machine only ever adds.
    library, whole = min(theirs) * 1e6, min(ours) * 1e6
    return {"bare": library, "ours": whole, "added": whole - library}


def _check(case: Case, expected: Any, answer: Any) -> None:  # noqa: ANN401 - any answer
    """Refuse to time an answer that is wrong."""
    given, wanted = answer.outputs[0].data, np.asarray(expected)
    if wanted.dtype.kind in "fc":
        np.testing.assert_allclose(given, wanted, rtol=case.rtol, atol=case.rtol)
    else:
        np.testing.assert_array_equal(given, wanted)


def _block(call: Callable[[], Any], times: int) -> float:
    """Return the seconds of one of *times* calls."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times


if __name__ == "__main__":
    main()
