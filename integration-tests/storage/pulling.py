"""Our command as a pod or a user runs it: started, killed, run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.faults import FaultProxy

INIT = (sys.executable, "-m", "inferry_storage")
CACHED = (sys.executable, str(Path(__file__).with_name("cached_fetch.py")))
_OTHERS = ("AWS_", "S3_", "AZURE_", "GOOGLE_", "HF_", "INFERRY_", "SSL_CERT", "CA_")


def surroundings(home: Path, endpoint: str = "", **more: str) -> dict[str, str]:
    """Return an environment with nothing of the user's but what *more* says.

    ``endpoint`` is an S3 server, asked with a key that every server here accepts.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(_OTHERS) and not key.lower().endswith("_proxy")
    }
    store = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    home.mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "NO_COLOR": "1",
        **(store if endpoint else {}),
        **more,
    }


#: Of the S3 servers that tests start.
KEY, SECRET = "AKIATEST0000", "SECRETTEST0000"


def start(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start *command*, what it says kept."""
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    command: Sequence[str], environment: Mapping[str, str], seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end."""
    process = start(command, environment)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def pull(
    uri: str, target: Path, environment: Mapping[str, str], seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Fetch *uri* to *target* as the init container does."""
    return run([*INIT, uri, str(target)], environment, seconds)


def run_until(
    proxy: FaultProxy,
    count: int,
    command: Sequence[str],
    environment: Mapping[str, str],
) -> int:
    """Run *command* and kill it with -9 when *count* bytes passed *proxy*.

    Returns its status: it is 0 where it was done before.
    """
    process = start(command, environment)
    proxy.tell(count, lambda: _kill(process))
    process.communicate(timeout=120)
    return process.returncode


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def largest_part(proxy: FaultProxy) -> int:
    """Return the most bytes that one request asked for."""
    return max(
        (_asked(seen.ask.headers.get("range", ""), seen.sent) for seen in proxy.bodies),
        default=0,
    )


def _asked(header: str, sent: int) -> int:
    first, _, last = header.removeprefix("bytes=").partition("-")
    return int(last) - int(first) + 1 if first and last else sent


def names(folder: Path) -> set[str]:
    """Return every path below *folder*, folders and links too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
