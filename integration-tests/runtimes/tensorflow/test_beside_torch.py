"""TensorFlow and torch in one process, where each would load a compiler of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SAVE = """
import sys, tensorflow as tf
model = tf.Module()
model.call = tf.function(
    lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None, 2], tf.float32)]
)
tf.saved_model.save(model, sys.argv[1], signatures={"serving_default": model.call})
"""
_EXPORT = """
import sys, torch
class Triple(torch.nn.Module):
    def forward(self, x):
        return 3 * x
torch.export.save(torch.export.export(Triple(), (torch.zeros(1, 2),)), sys.argv[1])
"""
_SERVE = """
import sys
from pathlib import Path
import numpy as np
from inferry.model import InferRequest, Tensor
from inferry_runtime_pytorch.model import PytorchModel
from inferry_runtime_tensorflow.model import TensorflowModel
tensor = Tensor(name="x", datatype="FP32", data=np.ones((1, 2), np.float32))
for model, path in ((TensorflowModel(), sys.argv[1]), (PytorchModel(), sys.argv[2])):
    model.load(Path(path), {})
    (answer,) = model.predict(InferRequest(inputs=(tensor,))).outputs
    print(answer.data.tolist())
"""


def test_a_saved_model_and_an_exported_program_share_a_process(tmp_path: Path) -> None:
    saved, exported = tmp_path / "saved", tmp_path / "model.pt2"
    _python(_SAVE, str(saved))
    _python(_EXPORT, str(exported))

    assert _python(_SERVE, str(saved), str(exported)) == "[[2.0, 2.0]]\n[[3.0, 3.0]]\n"


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
