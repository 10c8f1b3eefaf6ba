"""``python -m inferry_server.grpc [FOLDER]``: the ``.proto`` files of this server.

They are printed, or written into FOLDER, for the compiler of any language.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inferry_server.grpc.contract.proto_text import proto
from inferry_server.grpc.messages import tables


def main(arguments: list[str]) -> int:
    """Print or write the files."""
    for table in tables():
        if not arguments:
            sys.stdout.write(f"// {table.file}\n{proto(table)}\n")
            continue
        file = Path(arguments[0], table.file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(proto(table))
        sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
