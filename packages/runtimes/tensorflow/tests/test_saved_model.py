"""A SavedModel is opened with care: what is in it, who saved it, what is missing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry.status import Reason
from inferry_runtime_tensorflow import _unsafe
from inferry_runtime_tensorflow.model import TensorflowModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Models

VECTOR = tf.TensorSpec([None], tf.float32)


def loaded(path: Path, **options: Any) -> TensorflowModel:
    model = TensorflowModel()
    model.load(path, {"threads": 1, **options})
    return model


def changed(path: Path, change: Callable[[Any], None]) -> Path:
    """Change the MetaGraphDef of the SavedModel at *path*."""
    file = path / "saved_model.pb"
    document = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(document.meta_graphs[0])
    file.write_bytes(document.SerializeToString())
    return path


def graph_of(path: Path) -> Any:
    file = path / "saved_model.pb"
    return saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs[0]


def test_what_is_cut_off_is_corrupt(models: Models) -> None:
    path = models.copy("linear")
    variables = path / "variables" / "variables.data-00000-of-00001"
    variables.write_bytes(variables.read_bytes()[:1])

    with pytest.raises(ModelLoadError, match="cannot be loaded: ") as caught:
        loaded(path)
    assert caught.value.reason == Reason.ModelCorrupt
    assert "\n" not in str(caught.value)
    (path / "saved_model.pb").write_bytes(b"\x0a\xff")
    with pytest.raises(ModelLoadError, match="is not a SavedModel, or is cut off"):
        loaded(path)


def test_a_graph_that_is_not_for_serving_is_refused(models: Models) -> None:
    def retag(graph: Any) -> None:
        graph.meta_info_def.tags[:] = ["train"]

    path = changed(models.copy("linear"), retag)

    with pytest.raises(ModelLoadError, match="looked for the tag serve, found train"):
        loaded(path)


def test_a_newer_tensorflow_is_told_or_refused(
    models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    def renew(graph: Any) -> None:
        graph.meta_info_def.tensorflow_version = "2.999.0"

    path = changed(models.copy("linear"), renew)

    with caplog.at_level(logging.WARNING):
        loaded(path)
    assert "was saved by TensorFlow 2.999.0, installed is" in caplog.text
    with pytest.raises(ModelLoadError, match=r"install tensorflow==2.999.0") as caught:
        loaded(path, versionMismatch="fail")
    assert caught.value.reason == Reason.ModelVersionMismatch


def test_an_operation_that_is_not_there_is_named(models: Models) -> None:
    def rename(graph: Any) -> None:
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                if node.op == "AddV2":
                    node.op = "Frobnicate"

    path = changed(models.copy("linear"), rename)

    with pytest.raises(ModelLoadError, match="needs the operation Frobnicate") as found:
        loaded(path)
    assert found.value.reason == Reason.ModelVersionMismatch


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: {"y": tf.io.read_file("/etc/hostname")}, "ReadFile"),
        (
            lambda x: {"y": tf.numpy_function(lambda a: a, [x], tf.float32)},
            "PyFunc",
        ),
        (
            lambda x: {
                "y": tf.raw_ops.MatchingFiles(pattern=tf.constant("/etc/*")),
            },
            "MatchingFiles",
        ),
        (
            lambda x: {
                "y": tf.raw_ops.RestoreV2(
                    prefix="/tmp/x",
                    tensor_names=["a"],
                    shape_and_slices=[""],
                    dtypes=[tf.float32],
                )[0]
            },
            "RestoreV2",
        ),
    ],
)
def test_operations_that_reach_out_are_refused(
    models: Models, function: Callable[..., Any], operation: str
) -> None:
    path = models.save("unsafe", function, VECTOR)

    with pytest.raises(ModelLoadError, match=rf"outside of the model: .*{operation}"):
        loaded(path)


def test_printing_is_harmless_but_not_to_a_file(models: Models) -> None:
    def printing(to: str) -> Callable[..., Any]:
        def call(x: Any) -> Any:
            with tf.control_dependencies([tf.print("x", output_stream=to)]):
                return {"y": tf.identity(x)}

        return call

    graph = graph_of(models.save("log", printing("file:///tmp/x"), VECTOR))
    with pytest.raises(ModelLoadError, match="PrintV2"):
        _unsafe.check(graph, "saved_model.pb")

    harmless = graph_of(models.copy("linear"))
    _unsafe.check(harmless, "saved_model.pb")


def test_a_table_may_read_only_an_asset(models: Models) -> None:
    words = models.folder.parent / "words.txt"
    words.write_text("cat\ndog\n")

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            made = tf.lookup.TextFileInitializer(
                *(str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
                *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
            )
            self.table = tf.lookup.StaticHashTable(made, -1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def call(self, x: Any) -> Any:
            return {"y": self.table.lookup(x)}

    module = Module()
    path = models.folder / "table"
    tf.saved_model.save(module, str(path), signatures=module.call)
    animal = Tensor(
        name="x", datatype="BYTES", data=np.array([b"dog", b"cow"], dtype=object)
    )

    answer = loaded(path).predict(InferRequest(inputs=(animal,)))

    assert answer.outputs[0].data.tolist() == [1, -1]


def test_a_default_stands_for_an_input_that_is_not_given(models: Models) -> None:
    def add(graph: Any) -> None:
        default = tf.make_tensor_proto([[1.0, 1, 1]])
        graph.signature_def["serving_default"].defaults["b"].CopyFrom(default)

    model = loaded(changed(models.copy("linear"), add))
    given = Tensor(name="a", datatype="FP32", data=np.ones((1, 3), np.float32))

    answer = model.predict(InferRequest(inputs=(given,)))

    assert answer.outputs[1].data.tolist() == [[4, 4, 4]]


def test_a_signature_of_sparse_tensors_is_not_served(models: Models) -> None:
    def spoil(graph: Any) -> None:
        info = graph.signature_def["twice"].inputs["x"]
        info.coo_sparse.values_tensor_name = info.name

    path = changed(models.copy("linear"), spoil)

    with pytest.raises(ModelLoadError, match="its input 'x' is no tensor that V2"):
        loaded(path, signature="twice")
    with pytest.raises(InvalidInput, match="signature 'twice' cannot be served"):
        loaded(path).predict_v1({"signature_name": "twice", "inputs": [[1, 2, 3]]})
