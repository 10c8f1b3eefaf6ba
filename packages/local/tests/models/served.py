"""Models for the tests: ``behaviour.json`` in their folder says what they do."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Obedient:
    """Answers a constant, or fails in the way that it is told to."""

    def load(self, path: Path, _options: Mapping[str, Any]) -> None:
        told = json.loads((path / "behaviour.json").read_text())
        print(f"loading {told}", flush=True)  # noqa: T201 - what the test of logs looks for
        time.sleep(told.get("load_seconds", 0))
        if told.get("crash"):
            ctypes.string_at(0)
        if "kill" in told:
            os.kill(os.getpid(), getattr(signal, told["kill"]))
        if "fail" in told:
            raise RuntimeError(told["fail"])
        self.told = told

    def predict(self, request: object) -> object:
        raise NotImplementedError

    def warm_up(self) -> None:
        return None

    def predict_v1(self, _body: object) -> dict[str, Any]:
        time.sleep(self.told.get("predict_seconds", 0))
        return {
            "predictions": [self.told["answer"]],
            "pid": os.getpid(),
            "env": os.environ.get("GREETING"),
            "omp": os.environ.get("OMP_NUM_THREADS"),
        }

    def unload(self) -> None:
        pass
