"""Tier 1 for runtimes: load, predict, refuse and unload as the server relies on."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError, ModelNotFound
from inferry.model import DATATYPES, InferRequest, Model, ModelMetadata
from inferry.plugins import ImportRef, resolve
from inferry.testing import _requests as requests
from inferry.testing._overrides import KitRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_THREADS = 4
_CALLS = 16
_GARBAGE = b"\x00\x01 this is no model \xff\xfe" * 8


class RuntimeTests(KitRules):
    """Checks the model class of a runtime with a tiny artifact of your making.

    Set ``model`` to the class or to the `ImportRef` of the descriptor, and define the
    fixture ``artifact(tmp_path) -> Path`` that writes a model, a file or a folder.
    ``options`` are the options that `Model.load` gets. Override `request_example` where
    zeros in the shape of the metadata are no input for your model.
    """

    model: ClassVar[ImportRef | Callable[[], Model]]
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def artifact(self) -> Path:
        """Write a tiny model and return where it is; every test class defines it."""
        return pytest.fail(
            f"{type(self).__name__} must define the fixture artifact(self, tmp_path)"
        )

    @pytest.fixture
    def loaded(self, artifact: Path) -> Iterator[Model]:
        """Give a model that is loaded, and unload it after the test."""
        model = self.new_model()
        model.load(artifact, self.options)
        yield model
        model.unload()

    @pytest.fixture
    def request_good(self, loaded: Model) -> InferRequest:
        """Give a request that the loaded model must answer."""
        return self.request_example(loaded)

    @pytest.fixture
    def signature(self, loaded: Model) -> ModelMetadata:
        """Give the metadata of the loaded model; skip where it has none."""
        metadata = requests.signature(loaded)
        if metadata is None or not metadata.inputs:
            pytest.skip("the model has no metadata, so nothing is promised")
        return metadata

    def new_model(self) -> Model:
        """Return a new model that is not loaded."""
        factory = type(self).model
        if isinstance(factory, ImportRef):
            name = type(self).__name__
            factory = resolve(factory, plugin=name, distribution=name)
        model: Model = factory()
        return model

    def request_example(self, model: Model) -> InferRequest:
        """Return a request that *model*, loaded from the artifact, must answer."""
        request = requests.example(model)
        if request is None:
            pytest.fail(
                "the model has neither warm_up() nor metadata(); "
                f"define {type(self).__name__}.request_example(self, model)"
            )
        return request

    def test_is_a_model(self) -> None:
        """The class is made without arguments and has load, predict and unload.

        On failure: compare the methods with ``inferry.model.Model``.
        """
        assert isinstance(self.new_model(), Model)

    def test_loads_predicts_and_unloads_twice(self, artifact: Path) -> None:
        """A replica can be replaced: a second model loads after the first is gone.

        On failure: look for state in the module or in files that `unload` leaves.
        """
        for _ in range(2):
            model = self.new_model()
            model.load(artifact, self.options)
            assert requests.answer(model, self.request_example(model)).outputs
            model.unload()

    def test_answers_are_well_formed(
        self, loaded: Model, request_good: InferRequest
    ) -> None:
        """Each output is an array of the dtype that its V2 datatype means.

        On failure: convert in `predict`; ``inferry.model.DATATYPES`` is the table,
        BYTES is an object array of bytes.
        """
        for tensor in requests.answer(loaded, request_good).outputs:
            assert tensor.datatype in DATATYPES, f"output {tensor.name!r}"
            assert isinstance(tensor.data, np.ndarray), f"output {tensor.name!r}"
            assert tensor.data.dtype.name == DATATYPES[tensor.datatype], (
                f"output {tensor.name!r} says {tensor.datatype}"
            )
            assert tensor.data.flags.c_contiguous, f"output {tensor.name!r}"
            if tensor.datatype == "BYTES":
                assert all(isinstance(each, bytes) for each in tensor.data.flat)

    def test_answers_as_its_metadata_says(
        self, loaded: Model, request_good: InferRequest, signature: ModelMetadata
    ) -> None:
        """Names, datatypes and shapes of the answer are those of the metadata.

        On failure: read the metadata from the model itself; -1 is a free dimension.
        """
        if not signature.outputs:
            pytest.skip("the metadata names no outputs")
        answer = requests.answer(loaded, request_good)
        specs = {spec.name: spec for spec in signature.outputs}
        # Some outputs may be computed only when they are asked for by name.
        given = [tensor.name for tensor in answer.outputs]
        assert given == [name for name in specs if name in given]
        for tensor in answer.outputs:
            spec = specs[tensor.name]
            assert tensor.datatype == spec.datatype, f"output {tensor.name!r}"
            assert requests.fits(tensor.data.shape, spec), (
                f"output {tensor.name!r} has shape {tensor.data.shape}, "
                f"the metadata says {spec.shape}"
            )

    def test_gives_only_the_outputs_asked_for(
        self, loaded: Model, request_good: InferRequest
    ) -> None:
        """`InferRequest.outputs` limits the answer to those names.

        On failure: compute or keep only ``request.outputs`` when it is not empty.
        """
        every = requests.answer(loaded, request_good).outputs
        wanted = every[-1].name
        request = msgspec.structs.replace(request_good, outputs=(wanted,))
        given = requests.answer(loaded, request).outputs
        assert [tensor.name for tensor in given] == [wanted]

    def test_refuses_an_output_it_does_not_have(
        self, loaded: Model, request_good: InferRequest
    ) -> None:
        """An unknown name in `InferRequest.outputs` is the caller's mistake.

        On failure: raise `InvalidInput` that names the output and those there are.
        """
        request = msgspec.structs.replace(request_good, outputs=("no-such-output",))
        with pytest.raises((InvalidInput, ModelNotFound), match="no-such-output"):
            requests.answer(loaded, request)

    def test_refuses_an_input_of_another_name(
        self, loaded: Model, request_good: InferRequest, signature: ModelMetadata
    ) -> None:
        """A misspelt input is refused with the names that the model takes.

        On failure: raise `InvalidInput` that names the tensor and what is expected.
        """
        with pytest.raises(InvalidInput) as caught:
            requests.answer(loaded, requests.renamed(request_good))
        assert signature.inputs[0].name in str(caught.value), str(caught.value)

    def test_refuses_an_input_of_another_shape(
        self, loaded: Model, request_good: InferRequest, signature: ModelMetadata
    ) -> None:
        """A wrong shape is refused before the framework sees it.

        On failure: compare with the metadata in `predict`, raise `InvalidInput` that
        names the tensor.
        """
        specs = {spec.name: spec for spec in signature.inputs}
        spec = specs[request_good.inputs[0].name]
        with pytest.raises(InvalidInput) as caught:
            requests.answer(loaded, requests.reshaped(request_good, spec))
        assert spec.name in str(caught.value), str(caught.value)

    def test_refuses_an_input_of_another_type(
        self, loaded: Model, request_good: InferRequest, signature: ModelMetadata
    ) -> None:
        """Bytes where numbers belong are refused, with the type that is expected.

        On failure: check ``tensor.datatype`` in `predict`, raise `InvalidInput` that
        names the tensor and the datatype.
        """
        name = request_good.inputs[0].name
        expected = next(s.datatype for s in signature.inputs if s.name == name)
        with pytest.raises(InvalidInput) as caught:
            requests.answer(loaded, requests.retyped(request_good))
        assert name in str(caught.value), str(caught.value)
        assert expected in str(caught.value), str(caught.value)

    def test_says_what_it_looked_for_in_an_empty_folder(self, tmp_path: Path) -> None:
        """A folder without a model is refused with the file names it would take.

        On failure: raise `ModelLoadError` that names a file or a pattern, as in
        "no *.onnx in /mnt/models, which is empty".
        """
        empty = tmp_path / "empty-folder"
        empty.mkdir()
        with pytest.raises(ModelLoadError) as caught:
            self.new_model().load(empty, self.options)
        said = str(caught.value).replace(str(empty), "")
        assert re.search(r"\w*\.\w+", said), f"no file name in: {caught.value}"

    def test_refuses_a_corrupt_artifact(self, artifact: Path) -> None:
        """A file of garbage is refused, not half loaded, and the file is named.

        On failure: catch the framework's exception in `load`, raise `ModelLoadError`.
        """
        files = [artifact] if artifact.is_file() else sorted(artifact.rglob("*"))
        for file in files:
            if file.is_file():
                file.write_bytes(_GARBAGE)
        with pytest.raises(ModelLoadError) as caught:
            self.new_model().load(artifact, self.options)
        assert caught.value.message

    def test_answers_the_same_at_the_same_time(
        self, loaded: Model, request_good: InferRequest
    ) -> None:
        """As many calls at once as the model allows give the same answers.

        On failure: keep nothing of a request on ``self``, or lower
        ``max_concurrency``.
        """
        expected = requests.answer(loaded, request_good)
        at_once = getattr(loaded, "max_concurrency", 1) or _THREADS
        if at_once == 1:
            pytest.skip("the model takes one request at a time")
        with ThreadPoolExecutor(min(at_once, _THREADS)) as pool:
            asked = [
                pool.submit(requests.answer, loaded, request_good)
                for _ in range(_CALLS)
            ]
            for each in asked:
                requests.assert_same(expected, each.result(timeout=60))

    def test_rows_of_a_batch_are_independent(
        self, loaded: Model, request_good: InferRequest
    ) -> None:
        """A model that declares ``batching`` answers each row as if it were alone.

        On failure: set ``batching = False``, or find what mixes the rows.
        """
        if not getattr(loaded, "batching", False):
            pytest.skip("the model does not declare batching")
        singles = [request_good, _changed(request_good)]
        batch = requests.answer(loaded, requests.stacked(singles))
        apart = requests.answers(loaded, singles)
        for index, tensor in enumerate(batch.outputs):
            expected = np.concatenate([each.outputs[index].data for each in apart])
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(
                    expected, tensor.data, rtol=1e-4, atol=1e-6, err_msg=tensor.name
                )
            else:
                assert (expected == tensor.data).all(), f"output {tensor.name!r}"


def _changed(request: InferRequest) -> InferRequest:
    """Return *request* with other numbers, so that mixed rows show."""
    return msgspec.structs.replace(
        request,
        inputs=tuple(
            msgspec.structs.replace(
                tensor, data=tensor.data + np.ones((), tensor.data.dtype)
            )
            if tensor.data.dtype.kind == "f"
            else tensor
            for tensor in request.inputs
        ),
    )
