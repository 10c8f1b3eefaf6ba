"""Print the reference page of all reasons: ``python -m inferry.status``."""

import sys

from inferry.status._document import document

if __name__ == "__main__":
    sys.stdout.write(document())
