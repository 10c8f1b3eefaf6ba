"""The servers that the suite asks; each is one real process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("conformance.encodings", "conformance.tensors")

from running import REPOSITORY  # noqa: E402 - after the rewriting

from inferry.testing.protocol import Served  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HERE = {"PYTHONPATH": str(REPOSITORY / "integration-tests")}


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Return a function that starts a server with a class of `conformance.echo`."""
    started: list[Served] = []

    def start(name: str, *flags: str, model: str = "echo") -> Served:
        folder: Path = tmp_path_factory.mktemp(name.lower())
        which = f"--model_class=conformance.echo:{name}"
        arguments = [which, f"--model_name={model}", f"--model_dir={folder}", *flags]
        served = Served(arguments, folder, environment=HERE)
        started.append(served)
        return served

    yield start
    for served in started:
        if served.alive:
            assert served.stop() == 0, served.said


@pytest.fixture(scope="session")
def echo(serve: Callable[..., Served]) -> Served:
    """Serve `Echo` with all that can be allowed."""
    return serve("Echo", "--allow_management", "--allow_shared_memory")


@pytest.fixture(scope="session")
def typed(serve: Callable[..., Served]) -> Served:
    """Serve `Typed`, which has a signature, with the defaults."""
    return serve("Typed")
