"""Copy a real model out of a package: pip install --no-deps guesslang==2.2.1."""

import shutil
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write version 1 of the model into ``guesslang`` beside this file."""
    package = find_spec("guesslang")
    if package is None or package.origin is None:
        raise SystemExit("install it first: pip install --no-deps guesslang==2.2.1")
    model = Path(package.origin).parent / "data" / "model"
    shutil.copytree(model, HERE / "guesslang" / "1", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
