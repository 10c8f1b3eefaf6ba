"""The kit that plugin authors use, over the runtimes of this repository and an echo."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from running import REPOSITORY

from inferry.testing.protocol import ProtocolTests

if TYPE_CHECKING:
    from pathlib import Path

HERE = {"PYTHONPATH": str(REPOSITORY / "integration-tests")}


class TestOnnx(ProtocolTests):
    """Two inputs, two outputs, any number of rows."""

    runtime = "onnx"

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        from conformance.models import write_sum_and_difference

        return write_sum_and_difference(tmp_path)


class TestSklearn(ProtocolTests):
    """A classifier: INT64 labels and FP64 probabilities."""

    runtime = "sklearn"

    @pytest.fixture
    def artifact(self, iris_folder: Path) -> Path:
        return iris_folder


class TestEcho(ProtocolTests):
    """FP32 and BYTES, asynchronous, in batches."""

    model_class = "conformance.echo:Typed"
    environment: ClassVar = HERE


class TestHalves(ProtocolTests):
    """What has no JSON: FP16 and BF16."""

    model_class = "conformance.echo:Halves"
    environment: ClassVar = HERE
