"""Run a server so that nothing of it outlives the process that started this one.

A program of its own: ``python -I -S _guard.py SHM_PREFIX SECONDS COMMAND…``. Its
standard input is a pipe that only its parent holds open, so the end of that pipe is the
end of the parent, however it died. A signal for the parent's death would not do: Linux
sends it when the *thread* that started a process ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_SHM = Path("/dev/shm")  # noqa: S108 - where Triton's Python backend keeps its memory
_CHUNK = 4096


def main() -> int:
    """Run the command until it ends or the parent does; return its exit code."""
    prefix, seconds, *command = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(  # noqa: S603 - what our parent asks for
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_prepare,  # noqa: PLW1509 - there is one thread here
        process_group=0,
    )
    watch = threading.Thread(target=_watch, args=(child, float(seconds)), daemon=True)
    watch.start()
    code = child.wait()
    _signal(child, signal.SIGKILL)  # what it has started and left behind
    for file in _SHM.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            file.unlink()
    return code if code >= 0 else 128 - code


def _prepare() -> None:
    """End with this program, even if that is killed, and take signals as usual."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _watch(child: subprocess.Popen[bytes], seconds: float) -> None:
    while os.read(0, _CHUNK):
        pass
    _signal(child, signal.SIGTERM)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
