"""A model of MLServer: one ONNX file in onnxruntime, as its documentation writes it."""

from __future__ import annotations

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri


class OnnxModel(MLModel):
    """Runs ``model.onnx`` of the folder that the settings name."""

    async def load(self) -> bool:
        """Open the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            await get_model_uri(self._settings),
            options,
            providers=["CPUExecutionProvider"],
        )
        self._outputs = self._session.get_outputs()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Run the model."""
        (tensor,) = payload.inputs
        if tensor.datatype == "BYTES":
            value = np.array(StringCodec.decode_input(tensor), np.object_)
        else:
            value = NumpyCodec.decode_input(tensor)
        values = self._session.run(None, {tensor.name: value})
        outputs = [
            (StringCodec if array.dtype == object else NumpyCodec).encode_output(
                node.name, array.tolist() if array.dtype == object else array
            )
            for node, array in zip(self._outputs, values, strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
