"""Paddle: two dense layers, saved for inference."""

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
        title="Paddle, two dense layers",
        target="inferry_runtime_paddle.model:PaddleModel",
        make=_make,
        bare=_bare,
        request=rows_of("x", table),
        needs=("paddle", "inferry_runtime_paddle"),
        options={"threads": 1},
        rtol=1e-4,
    )


def _make(folder: Path) -> Path:
    import paddle

    layers = paddle.nn.Sequential(
        paddle.nn.Linear(64, 256), paddle.nn.ReLU(), paddle.nn.Linear(256, 10)
    )
    layers.eval()
    spec = [paddle.static.InputSpec([None, 64], "float32", "x")]
    paddle.jit.save(layers, str(folder / "model"), input_spec=spec)
    return folder


def _bare(path: Path) -> Callable[..., Any]:
    from paddle import inference

    config = inference.Config(str(path / "model.json"), str(path / "model.pdiparams"))
    config.disable_gpu()
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(1)
    predictor = inference.create_predictor(config)
    (given,) = map(predictor.get_input_handle, predictor.get_input_names())
    (answer,) = map(predictor.get_output_handle, predictor.get_output_names())

    def predict(rows: Any) -> Any:  # noqa: ANN401 - arrays
        given.reshape(rows.shape)
        given.copy_from_cpu(rows)
        predictor.run()
        return answer.copy_to_cpu()

    return predict
