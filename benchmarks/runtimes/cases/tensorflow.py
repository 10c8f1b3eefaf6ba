"""TensorFlow: a SavedModel of two dense layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def cases() -> Iterable[Case]:
    """Yield a small dense network on random rows."""
    table = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    yield Case(
        title="TensorFlow SavedModel, two dense layers",
        target="inferry_runtime_tensorflow.model:TensorflowModel",
        make=_make,
        bare=_bare,
        request=rows_of("x", table),
        needs=("tensorflow", "inferry_runtime_tensorflow"),
        options={"threads": 1},
        rtol=1e-4,
    )


def _make(folder: Path) -> Path:
    import tensorflow as tf

    random = np.random.default_rng(1)
    module = tf.Module()
    module.a = tf.Variable(random.normal(size=(64, 256)).astype(np.float32))
    module.b = tf.Variable(random.normal(size=(256, 10)).astype(np.float32))
    module.call = tf.function(
        lambda x: {"y": tf.matmul(tf.nn.relu(tf.matmul(x, module.a)), module.b)},
        input_signature=[tf.TensorSpec([None, 64], tf.float32)],
    )
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return folder


def _bare(path: Path) -> Callable[..., Any]:
    import tensorflow as tf

    # It is kept: its signatures do not keep it, nor its variables.
    model = tf.saved_model.load(str(path))

    def predict(rows: Any) -> Any:  # noqa: ANN401 - arrays
        answer = model.signatures["serving_default"](x=tf.constant(rows))
        return answer["y"].numpy()

    return predict
