"""Models for the tests: what they do is written in ``behaviour.json`` of their folder."""

import ctypes
import json
import os
import signal
import sys
import time


class Obedient:
    """Answers a constant, or fails in the way that it is told to."""

    def load(self, path, options):
        told = json.loads((path / "behaviour.json").read_text())
        print(f"loading {told}", flush=True)
        time.sleep(told.get("load_seconds", 0))
        if told.get("crash"):
            ctypes.string_at(0)
        if "kill" in told:
            os.kill(os.getpid(), getattr(signal, told["kill"]))
        if "fail" in told:
            raise RuntimeError(told["fail"])
        hold = told.get("hold_seconds", 0)
        if hold:
            # The interpreter is held: no other thread of this process runs.
            sys.setswitchinterval(1000)
            end = time.monotonic() + hold
            while time.monotonic() < end:
                pass
            sys.setswitchinterval(0.005)
        self.told = told

    def predict(self, request):
        raise NotImplementedError

    def warm_up(self):
        return None

    def predict_v1(self, body):
        time.sleep(self.told.get("predict_seconds", 0))
        return {
            "predictions": [self.told["answer"]],
            "pid": os.getpid(),
            "env": os.environ.get("GREETING"),
            "omp": os.environ.get("OMP_NUM_THREADS"),
        }

    def unload(self):
        pass
