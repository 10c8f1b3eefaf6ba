"""What the tests of the protocol kit share: the server, the request, its answer."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import importlib.util
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from inferry.model import InferRequest, ModelMetadata, Tensor, TensorSpec
from inferry.testing import _requests as requests
from inferry.testing._overrides import KitRules
from inferry.testing.protocol import wire
from inferry.testing.protocol._served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The name under which the kit serves the model.
MODEL = "kit-model"
_SERVED: pytest.StashKey[Served | None] = pytest.StashKey()


class ProtocolKit(KitRules):
    """The settings and the fixtures; the tests are in its subclasses."""

    runtime: ClassVar[str] = ""
    model_class: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    flags: ClassVar[Sequence[str]] = ()
    environment: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        """Write a tiny model and return where it is; a runtime's class defines it."""
        if type(self).model_class:
            return tmp_path
        return pytest.fail(
            f"{type(self).__name__} must define the fixture artifact(self, tmp_path)"
        )

    @pytest.fixture
    def served(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Served:
        """Give the server, which the first test of the class starts and all share."""
        owner = request.node.getparent(pytest.Class)
        if _SERVED not in owner.stash:
            owner.stash[_SERVED] = None
            folder = tmp_path_factory.mktemp("served")
            artifact = _copied(request.getfixturevalue("artifact"), folder)
            environment = {**importable(self.model_class), **self.environment}
            served = Served(self.arguments(artifact), folder, environment=environment)
            owner.stash[_SERVED] = served
            owner.addfinalizer(lambda: _end(served))
        known: Served | None = owner.stash[_SERVED]
        if known is None:
            pytest.fail(
                "the server did not start; the first test of the class says why"
            )
        assert known.alive, f"the server has ended; its log:\n{known.said}"
        return known

    @pytest.fixture
    def metadata(self, served: Served) -> ModelMetadata:
        """Give what the server tells about the model."""
        told = served.request("GET", f"/v2/models/{MODEL}").json()
        return ModelMetadata(
            inputs=tuple(_spec(each) for each in told["inputs"]),
            outputs=tuple(_spec(each) for each in told["outputs"]),
            platform=told["platform"],
            versions=tuple(told["versions"]),
        )

    @pytest.fixture
    def inputs(self, metadata: ModelMetadata) -> tuple[Tensor, ...]:
        """Give the inputs of a request that the model must answer."""
        return self.request_example(metadata).inputs

    @pytest.fixture
    def expected(
        self, served: Served, inputs: tuple[Tensor, ...]
    ) -> Mapping[str, Tensor]:
        """Give the answer in raw bytes, which every other way must equal."""
        binary = {"binary_data_output": True}
        answer = post(served, inputs, binary=True, parameters=binary)
        assert answer.status == HTTPStatus.OK, answer.document
        return answer.outputs

    def arguments(self, artifact: Path) -> list[str]:
        """Return the command line of the server without its ports."""
        cls = type(self)
        if bool(cls.runtime) == bool(cls.model_class):
            pytest.fail(f"{cls.__name__} must set either runtime or model_class")
        which = (
            f"--runtime={cls.runtime}"
            if cls.runtime
            else f"--model_class={cls.model_class}"
        )
        options = [f"--{name}={_text(value)}" for name, value in cls.options.items()]
        place = f"--model_dir={artifact}"
        return [which, f"--model_name={MODEL}", place, *options, *cls.flags]

    def request_example(self, metadata: ModelMetadata) -> InferRequest:
        """Return a request that the model must answer; zeros where you say nothing."""
        if not metadata.inputs:
            pytest.fail(
                "the model has no metadata(); "
                f"define {type(self).__name__}.request_example(self, metadata)"
            )
        return InferRequest(inputs=tuple(map(requests.zeros, metadata.inputs)))


def importable(target: str) -> dict[str, str]:
    """Return what lets a server import the class *target* as this process does.

    A module beside the test is found because pytest looks there; a server would not.
    """
    module = target.partition(":")[0].partition(".")[0]
    found = importlib.util.find_spec(module) if module else None
    if found is None or not found.has_location or found.origin is None:
        return {}
    file = Path(found.origin)
    folder = file.parent.parent if found.submodule_search_locations else file.parent
    return {"PYTHONPATH": str(folder)}


def post(
    served: Served,
    inputs: Sequence[Tensor],
    *,
    path: str = f"/v2/models/{MODEL}/infer",
    headers: Mapping[str, str] | None = None,
    **rest: Any,  # noqa: ANN401 - as for wire.body
) -> wire.Answer:
    """Send *inputs* with plain HTTP and read the answer."""
    body = wire.body(inputs, **rest)
    response = served.request(
        "POST", path, content=body.content, headers={**body.headers, **(headers or {})}
    )
    return wire.read(response)


def assert_same(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Compare two sets of outputs; floats to the last few bits."""
    assert list(expected) == list(given)
    for name, one in expected.items():
        other = given[name]
        assert one.datatype == other.datatype, f"output {name!r}"
        assert one.data.shape == other.data.shape, f"output {name!r}"
        if one.data.dtype.kind in "fV":
            np.testing.assert_allclose(
                one.data.astype("float64"),
                other.data.astype("float64"),
                rtol=1e-2 if one.datatype in wire.RAW_ONLY else 1e-5,
                atol=1e-6,
                err_msg=name,
            )
        else:
            assert (one.data == other.data).all(), f"output {name!r}"


def skip_without_json(tensors: Sequence[Tensor]) -> None:
    """Skip where one of *tensors* cannot be written in JSON or typed contents."""
    for tensor in tensors:
        if tensor.datatype in wire.RAW_ONLY:
            pytest.skip(f"{tensor.name!r} is {tensor.datatype}, which is raw only")


def rows(inputs: Sequence[Tensor]) -> int:
    """Return how many rows a request has: the first dimension of its first input."""
    shape = inputs[0].data.shape
    return max(1, shape[0]) if shape else 1


def repeated(
    inputs: Sequence[Tensor], metadata: ModelMetadata, times: int
) -> tuple[Tensor, ...] | None:
    """Return *inputs* with *times* as many rows; None where the model takes no more."""
    if any(spec.shape[:1] != (-1,) for spec in metadata.inputs):
        return None
    return tuple(
        Tensor(
            name=tensor.name,
            datatype=tensor.datatype,
            data=np.concatenate([tensor.data] * times),
        )
        for tensor in inputs
    )


def _copied(artifact: Path, folder: Path) -> Path:
    """Return a copy: the artifact goes with its test, the server stays."""
    kept = folder / "artifact"
    if artifact.is_dir():
        return shutil.copytree(artifact, kept)
    kept.mkdir()
    return Path(shutil.copy(artifact, kept))


def _end(served: Served) -> None:
    assert served.stop() == 0, f"the server did not end well; its log:\n{served.said}"


def _spec(told: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(
        name=told["name"], datatype=told["datatype"], shape=tuple(told["shape"])
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
