"""Make a runtime plugin package: ``python make.py NAME FOLDER``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")


def make(name: str, folder: Path, *, distribution: str = "") -> None:
    """Write the package of the plugin *name* into *folder*, which must be empty."""
    distribution = distribution or f"inferry-runtime-{name}"
    for each in (name, distribution):
        if not NAME.match(each):
            raise ValueError(f"{each!r} must be lower-case words joined by '-'")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    words = {
        "name": name,
        "distribution": distribution,
        "module": distribution.replace("-", "_"),
        "class": "".join(word.capitalize() for word in name.split("-")),
    }
    for source in sorted(TEMPLATE.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            _write(source, folder, words)


def _write(source: Path, folder: Path, words: dict[str, str]) -> None:
    path = str(source.relative_to(TEMPLATE)).replace("__module__", words["module"])
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text("utf-8")
    target.write_text(PLACEHOLDER.sub(lambda found: words[found[1]], text), "utf-8")


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the plugin, its runtime and its format")
    parser.add_argument(
        "folder", type=Path, help="to make; must be empty if it is there"
    )
    parser.add_argument("--distribution", default="", help="the name on PyPI")
    arguments = parser.parse_args()
    try:
        make(arguments.name, arguments.folder, distribution=arguments.distribution)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"made {arguments.folder}; its README says what to do next")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
