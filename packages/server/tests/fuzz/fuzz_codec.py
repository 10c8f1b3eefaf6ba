"""Fuzz the codec, led by coverage: ``python fuzz_codec.py -max_total_time=60 seeds``.

The arguments are libFuzzer's. What it finds new goes to a folder of its own, so that
only chosen seeds are kept here; every seed is also a test. Needs the package atheris.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["inferry_server.codec"]):
    import codec_input

SEEDS = Path(__file__).parent / "seeds"
#: Above these a body that is small has made something that is not: 400 MB is what the
#: fuzzer itself takes.
LIMITS = ("-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=10", "-max_len=4096")


def main() -> None:
    """Fuzz until libFuzzer's limits, or until a fault is found."""
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as found:
        given = sys.argv[1:] or ["-max_total_time=60"]
        options = [argument for argument in given if argument.startswith("-")]
        folders = [argument for argument in given if not argument.startswith("-")]
        arguments = [sys.argv[0], *LIMITS, *options, found, *(folders or [str(SEEDS)])]
        atheris.Setup(arguments, codec_input.try_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
