"""A transformer and explainer in front of the demo's wine model.

Clients send measurements by name, in any order and without those that they lack; they
get the name of the grape.
"""

from __future__ import annotations

import msgspec
import numpy as np

from inferry.errors import InvalidInput
from inferry.model import InferRequest, InferResponse, Tensor

#: The columns of the model, each with what a wine has on average.
TYPICAL = {
    "alcohol": 13.0,
    "malic_acid": 2.34,
    "ash": 2.37,
    "alkalinity_of_ash": 19.5,
    "magnesium": 99.7,
    "phenols": 2.3,
    "flavanoids": 2.03,
    "other_phenols": 0.36,
    "proanthocyanins": 1.59,
    "color": 5.06,
    "hue": 0.96,
    "od280_od315": 2.61,
    "proline": 746.9,
}
GRAPES = {b"class_0": b"Barolo", b"class_1": b"Grignolino", b"class_2": b"Barbera"}


class Wine:
    """Names in, names out."""

    def preprocess(self, request: InferRequest) -> InferRequest:
        """Put the measurements in the order of the model."""
        given = {tensor.name: tensor.data for tensor in request.inputs}
        unknown = sorted(given.keys() - TYPICAL.keys())
        if unknown:
            msg = f"no wine has {unknown[0]!r}; known are {', '.join(TYPICAL)}"
            raise InvalidInput(msg)
        count = len(next(iter(given.values())))
        columns = [
            given.get(name, np.full(count, typical))
            for name, typical in TYPICAL.items()
        ]
        rows = np.stack(columns, axis=1).astype(np.float64)
        tensor = Tensor(name="input-0", datatype="FP64", data=rows)
        return msgspec.structs.replace(request, inputs=(tensor,))

    def postprocess(self, response: InferResponse) -> InferResponse:
        """Name the grapes."""
        classes = response.outputs[0].data
        names = np.array([GRAPES[name] for name in classes], object)
        tensor = Tensor(name="grape", datatype="BYTES", data=names)
        return InferResponse(outputs=(tensor,))

    def explain(self, request: InferRequest) -> InferResponse:
        """Say how much of its certainty the model owes to each measurement."""
        rows = self.preprocess(request)
        data = rows.inputs[0].data
        before = self.probabilities(rows, data)
        best = before.argmax(axis=1)[:, np.newaxis]
        outputs = []
        for column, (name, typical) in enumerate(TYPICAL.items()):
            changed = data.copy()
            changed[:, column] = typical
            owed = before - self.probabilities(rows, changed)
            of_best = np.take_along_axis(owed, best, axis=1)[:, 0].round(3)
            outputs.append(Tensor(name=name, datatype="FP64", data=of_best))
        return InferResponse(outputs=tuple(outputs))

    def probabilities(self, rows: InferRequest, data: np.ndarray) -> np.ndarray:
        """Ask the predictor how likely each class is."""
        tensor = msgspec.structs.replace(rows.inputs[0], data=data)
        asked = msgspec.structs.replace(
            rows, inputs=(tensor,), outputs=("predict_proba",)
        )
        return self.predictor.predict(asked).outputs[0].data
