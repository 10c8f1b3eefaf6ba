"""Fit a plane and put it into a Triton repository as ONNX: pip install numpy onnx.

It runs in Triton's Python backend, which calls onnxruntime. A second model gives the
words of a text one by one.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

HERE = Path(__file__).resolve().parent

PLANE = """\
backend: "python"
max_batch_size: 64
input [{ name: "point" data_type: TYPE_FP32 dims: [2] }]
output [{ name: "height" data_type: TYPE_FP32 dims: [1] }]
dynamic_batching { max_queue_delay_microseconds: 500 }
instance_group [{ count: 1 kind: KIND_CPU }]
"""
MODEL = '''\
"""Answers with onnxruntime, many requests in one batch."""

from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as backend


class TritonPythonModel:
    """The plane of ``model.onnx`` beside this file."""

    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        file = Path(__file__).with_name("model.onnx")
        self.session = onnxruntime.InferenceSession(str(file), options)

    def execute(self, requests):
        points = [
            backend.get_input_tensor_by_name(each, "point").as_numpy()
            for each in requests
        ]
        (heights,) = self.session.run(None, {"point": np.concatenate(points)})
        ends = np.cumsum([len(each) for each in points])[:-1]
        return [
            backend.InferenceResponse([backend.Tensor("height", part)])
            for part in np.split(heights, ends)
        ]
'''
WORDS = """\
backend: "python"
model_transaction_policy { decoupled: True }
input [{ name: "text" data_type: TYPE_STRING dims: [1] }]
output [{ name: "word" data_type: TYPE_STRING dims: [1] }]
"""
SPLITTER = '''\
"""Gives each word of a text as an answer of its own."""

import numpy as np
import triton_python_backend_utils as backend


class TritonPythonModel:
    """A decoupled model: any number of answers to one request."""

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            text = backend.get_input_tensor_by_name(request, "text").as_numpy()[0]
            for word in text.split():
                tensor = backend.Tensor("word", np.array([word], dtype=object))
                sender.send(backend.InferenceResponse([tensor]))
            sender.send(flags=backend.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
'''


def fit() -> tuple[np.ndarray, np.ndarray]:
    """Return slope and height of the plane through noisy points."""
    random = np.random.default_rng(7)
    points = random.uniform(-1, 1, (200, 2))
    heights = points @ [2.0, -3.0] + 0.5 + random.normal(0, 0.01, 200)
    found, *_ = np.linalg.lstsq(np.c_[points, np.ones(200)], heights, rcond=None)
    return found[:2, None].astype(np.float32), found[2:].astype(np.float32)


def write(folder: Path, config: str, code: str) -> Path:
    """Write one model of the repository and return the folder of its version."""
    version = folder / "1"
    version.mkdir(parents=True, exist_ok=True)
    (folder / "config.pbtxt").write_text(config)
    (version / "model.py").write_text(code)
    return version


def main() -> None:
    """Write the repository ``models`` beside this file."""
    slope, height = fit()
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["point", "slope", "offset"], ["height"])],
        "plane",
        [helper.make_tensor_value_info("point", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("height", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(slope, "slope"),
            numpy_helper.from_array(height, "offset"),
        ],
    )
    operators = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=operators, ir_version=8)
    version = write(HERE / "models" / "plane", PLANE, MODEL)
    save_model(made, version / "model.onnx")
    write(HERE / "models" / "words", WORDS, SPLITTER)


if __name__ == "__main__":
    main()
