"""A model of ours whose prediction takes the seconds that its input says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.model import InferRequest, InferResponse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class SlowModel:
    """Sleeps in the calling thread, as a model that waits for a device does."""

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Nothing to load."""

    def predict(self, request: InferRequest) -> InferResponse:
        """Block for as long as the input says."""
        seconds = float(np.asarray(request.inputs[0].data).ravel()[0])
        time.sleep(seconds)
        return InferResponse(outputs=(request.inputs[0],))
