"""The threads and the device of a session."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from inferry.runtime import devices


def config(threads: int, device: str) -> Any:  # noqa: ANN401 - a protobuf of TensorFlow
    """Return the configuration of a session.

    Raises:
        ModelLoadError: The device is unknown or not here.

    """
    made = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        # With one thread the graph runs in that of its caller, which saves two hops.
        inter_op_parallelism_threads=threads if threads > 1 else -1,
        allow_soft_placement=True,
    )
    number = devices.number(
        devices.choose(
            device, _gpus, library="TensorFlow", install="tensorflow[and-cuda]"
        )
    )
    if number is None:
        made.device_count["GPU"] = 0
    else:
        made.gpu_options.allow_growth = True
        made.gpu_options.visible_device_list = str(number)
    return made


def _gpus() -> int:
    return len(tf.config.list_physical_devices("GPU"))
