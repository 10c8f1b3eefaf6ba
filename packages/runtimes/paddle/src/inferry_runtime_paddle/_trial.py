"""Load a model in a process of its own first: Paddle ends the process on some files.

What is cut off or garbage is refused before. But a wrong bit in the right place of a
program makes Paddle read where nothing is, which no Python can catch.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from inferry.errors import InferryError, ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_SECONDS = 600


@contextlib.contextmanager
def passed(path: Path, file: str) -> Iterator[None]:
    """Load the model at *path* elsewhere while the body of the ``with`` gets ready.

    Raises:
        ModelLoadError: Paddle ends the process that loads it.

    """
    with ThreadPoolExecutor(1, "inferry-paddle-trial") as pool:
        code = pool.submit(_code, path)
        yield
    if code.result() < 0:
        raise ModelLoadError(
            f"Paddle crashes when it loads {file} (signal {-code.result()})",
            reason=Reason.ModelCorrupt,
            remedy="save the model again with paddle.jit.save, or upload it again",
        )


def _code(path: Path) -> int:
    """Return the exit status of a process that loads the model; 0 if it takes long."""
    command = (sys.executable, "-m", __name__, str(path))
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(  # noqa: S603 - this very module, by this interpreter
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_SECONDS,
            check=False,
        ).returncode
    return 0


def _main(path: str) -> None:
    from inferry_runtime_paddle.model import PaddleModel

    class Native(PaddleModel):
        @staticmethod
        def library() -> Any:  # noqa: ANN401 - as below
            return _native()

    model = Native()
    # What it says, the process that serves finds and says again.
    with contextlib.suppress(InferryError):
        model.load(
            Path(path), {"threads": 1, "tryFirst": False, "allowUnsafeOps": True}
        )
        model.warm_up()


def _native() -> Any:  # noqa: ANN401 - a module without types
    """Return Paddle's own library without its Python, which takes ten times as long."""
    package = find_spec("paddle")
    folders = package.submodule_search_locations if package else None
    file = str(Path(next(iter(folders or ("",)))) / "base" / "libpaddle.so")
    loader = ExtensionFileLoader("libpaddle", file)
    spec = spec_from_file_location("libpaddle", file, loader=loader)
    if spec is None:
        raise ModelLoadError("Paddle has no library")
    library = module_from_spec(spec)
    loader.exec_module(library)
    library.init_memory_method()
    library.init_devices()
    tensor = library.PaddleInferTensor
    tensor.copy_from_cpu = tensor._copy_from_cpu_bind  # noqa: SLF001 - as Paddle does
    return SimpleNamespace(
        Config=library.AnalysisConfig, create_predictor=library.create_predictor
    )


if __name__ == "__main__":
    _main(sys.argv[1])
