"""Stand in for Ray's agents: a process that does nothing until its parent ends.

Ray's raylet insists on two agent processes and ends when one of them does. What they do
(a dashboard's data, pip environments per task) is not used here, and each costs about
100 MB and seconds of CPU at start. Run with ``python -I -S``: it imports nothing else.

The arguments are the process whose session this is and its folder: where that process
was killed, this one outlives it and removes the folder.
"""

import os
import shutil
import sys
import time

POLL_SECONDS = 0.5
#: The session's other processes end within this time after it, and write until then.
OTHERS_SECONDS = 3.0


def main(owner: int, folder: str) -> None:
    """Sleep until the process that started this one is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    time.sleep(OTHERS_SECONDS)
    if not _lives(owner):
        shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # the number was given again, to another user's process
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
