"""``python -m inferry_storage SRC DEST [SRC DEST ...]``: the init container."""

from __future__ import annotations

import sys

from inferry_storage.container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
