"""Fuzz what storage reads of strangers, led by coverage.

``python fuzz_storage.py -max_total_time=60 seeds``: the arguments are libFuzzer's.
Inputs that only reach new lines go to a folder that is removed; one that is a fault is
written to ``seeds``, where it is a test from then on. Needs the package atheris.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["inferry_storage.checking", "inferry_storage.backends"]
):
    import storage_input

SEEDS = Path(__file__).parent / "seeds"
#: What takes more time or memory than these is a fault too.
LIMITS = (
    *("-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=10", "-max_len=4096"),
    f"-artifact_prefix={SEEDS}/",
)


def main() -> None:
    """Fuzz until libFuzzer's limits, or until a fault is found."""
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as found:
        given = sys.argv[1:] or ["-max_total_time=60"]
        options = [argument for argument in given if argument.startswith("-")]
        folders = [argument for argument in given if not argument.startswith("-")]
        folders = [found, *(folders or [str(SEEDS)])]
        arguments = [sys.argv[0], *LIMITS, *options, *folders]
        atheris.Setup(arguments, storage_input.try_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
