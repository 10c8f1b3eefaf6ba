"""Models and running services that several tests ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("reader", "running", "runtimes.serving")

from running import Running  # noqa: E402 - what it asserts is to be shown in full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def iris_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a logistic regression of scikit-learn's iris as skops."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from skops import io as skops

    data = load_iris()
    folder = tmp_path_factory.mktemp("iris")
    model = LogisticRegression(max_iter=500).fit(data.data, data.target)
    skops.dump(model, folder / "model.skops")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return a function that starts ``inferry run`` and stops it after the test."""
    started: list[Running] = []

    def start(*arguments: str, **environment: str) -> Running:
        running = Running(tmp_path, arguments, environment)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()
