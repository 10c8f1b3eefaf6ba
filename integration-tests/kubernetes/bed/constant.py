"""A model that answers the number in its file, which tells revisions apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.model import InferResponse, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry.model import InferRequest

FILE = "constant.txt"


class Constant:
    """Served with ``--model_class bed.constant:Constant``."""

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Read the number."""
        self._number = int((path / FILE).read_text())

    def predict(self, request: InferRequest) -> InferResponse:
        """Answer the number once for each row."""
        rows = request.inputs[0].data.shape[0]
        data = np.full(rows, self._number, dtype=np.int64)
        tensor = Tensor(name="predictions", datatype="INT64", data=data)
        return InferResponse(outputs=(tensor,))

    def unload(self) -> None:
        """There is nothing to free."""
