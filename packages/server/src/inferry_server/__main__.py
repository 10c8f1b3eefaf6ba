"""``python -m inferry_server``."""

import sys

from inferry_server.cli.run import main

if __name__ == "__main__":
    sys.exit(main())
