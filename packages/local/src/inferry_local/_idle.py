"""Stand in for Ray's agents: a process that does nothing until its parent ends.

Ray's raylet insists on two agent processes and ends when one of them does. What they do
(a dashboard's data, pip environments per task) is not used here, and each costs about
100 MB and seconds of CPU at start. Run with ``python -I -S``: it imports nothing else.
"""

import os
import time

POLL_SECONDS = 0.5


def main() -> None:
    """Sleep until the process that started this one is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
