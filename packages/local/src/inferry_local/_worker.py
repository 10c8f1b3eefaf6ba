"""Run Ray's worker process: its imports made cheaper, and never without its raylet.

The imports are most of the time from a save to the answer of a new replica where no
worker waits. Ray runs this file instead of its own, which it then runs.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.5


def main() -> None:
    """Become the worker that Ray's own script makes of this process."""
    end_with_parent()
    # The modules beside this file would hide those of the same name elsewhere.
    if sys.path[0] == str(Path(__file__).parent):
        del sys.path[0]
    from inferry_local._serve import cheap_imports

    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:
        sys.exit("ray is not installed")
    with cheap_imports():
        import ray.actor  # noqa: F401 - all that the script needs of Ray
    script = Path(found.origin).parent / "_private" / "workers" / "default_worker.py"
    runpy.run_path(str(script), run_name="__main__")


def end_with_parent() -> None:
    """End this process when its parent ends, whatever it does then.

    Ray's own check begins when the worker has registered; one that is still at its
    imports would try for a minute to reach a raylet that is gone.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent != 1:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="inferry-parent", daemon=True).start()


if __name__ == "__main__":
    main()
