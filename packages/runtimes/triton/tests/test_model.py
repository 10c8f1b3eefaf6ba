"""`TritonModel` with the real tritonserver: what it serves, refuses and survives."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from inferry.errors import (
    InferenceError,
    InvalidInput,
    ModelLoadError,
    ModelNotFound,
    ModelNotReady,
)
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.status import Reason
from inferry.testing import RuntimeTests
from inferry_runtime_triton.model import TritonModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROW = np.array([[1, 2, 3]], np.float32)


class TestTriton(RuntimeTests):
    model = TritonModel

    @pytest.fixture
    def artifact(self, repository: Callable[..., Path]) -> Path:
        return repository("double")


def loaded(path: Path, name: str = "double", **options: Any) -> TritonModel:
    model = TritonModel()
    model.served_name = name
    model.load(path, options)
    return model


def fp32(name: str, data: Any) -> Tensor:
    return Tensor(name=name, datatype="FP32", data=np.asarray(data, np.float32))


def asked(*inputs: Tensor, **more: Any) -> InferRequest:
    return InferRequest(inputs=inputs, **more)


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, write: Callable[..., Path]
) -> Iterator[dict[str, TritonModel]]:
    """Give one Triton with all models, seen under the names of three of them."""
    folder = tmp_path_factory.mktemp("all")
    for name in ("double", "twice", "words", "count"):
        write(folder, name)
    write(folder, "broken", code="raise ImportError('it is broken')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("INFERRY_PLUGINS__TRITON__TRUST", str(folder))
        first = loaded(folder)
    upstream = first.upstream
    by_name = {"double": first}
    for name in ("words", "twice", "count"):
        by_name[name] = loaded(folder, name, url=upstream.http, grpcUrl=upstream.grpc)
    by_name["all"] = loaded(
        folder,
        "all",
        models="double,twice",
        url=upstream.http,
        grpcUrl=upstream.grpc,
    )
    yield by_name
    for model in reversed(by_name.values()):
        model.unload()


def test_metadata_is_tritons(models: dict[str, TritonModel]) -> None:
    metadata = models["double"].metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),)
    assert [spec.name for spec in metadata.outputs] == ["y", "z"]
    assert (metadata.platform, metadata.versions) == ("python", ("1",))


def test_a_model_that_fails_takes_no_neighbour_down(
    models: dict[str, TritonModel],
) -> None:
    assert models["double"].upstream.names == {"double", "twice", "words", "count"}


def test_an_ensemble_answers(models: dict[str, TritonModel]) -> None:
    (out,) = models["twice"].predict(asked(fp32("in", ROW))).outputs

    assert (out.name, out.data.tolist()) == ("out", [[4, 8, 12]])


def test_a_decoupled_model_streams_texts(models: dict[str, TritonModel]) -> None:
    text = np.array([b"one \xc3\xa9 three"], dtype=object)
    request = asked(Tensor(name="text", datatype="BYTES", data=text))

    answers = list(models["words"].stream(request))

    words = [answer.outputs[0].data.tolist() for answer in answers]
    assert words == [[b"one"], ["é".encode()], [b"three"]]


def test_a_decoupled_model_does_not_predict(models: dict[str, TritonModel]) -> None:
    text = np.array([b"one"], dtype=object)
    with pytest.raises(InvalidInput, match="decoupled"):
        models["words"].predict(asked(Tensor(name="text", datatype="BYTES", data=text)))


def test_parameters_of_a_sequence_reach_the_model(
    models: dict[str, TritonModel],
) -> None:
    totals = []
    for number, start in ((1, True), (2, False), (3, False)):
        data = np.array([[number]], np.int32)
        request = asked(
            Tensor(name="x", datatype="INT32", data=data),
            parameters={
                "sequence_id": 7,
                "sequence_start": start,
                "sequence_end": number == 3,
            },
        )
        totals.append(models["count"].predict(request).outputs[0].data.tolist())

    assert totals == [[[1]], [[3]], [[6]]]


def test_a_repository_without_a_model_of_the_name_answers_by_their_names(
    models: dict[str, TritonModel],
) -> None:
    assert models["all"].metadata().inputs == ()
    with pytest.raises(ModelNotFound, match="'double'"):
        models["all"].predict(asked(fp32("x", ROW)))


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (fp32("w", ROW), "x \\(FP32 \\[-1, 3\\]\\)"),
        (fp32("x", [[1, 2]]), "shape"),
        (Tensor(name="x", datatype="INT32", data=np.zeros((1, 3), "int32")), "INT32"),
    ],
)
def test_a_wrong_request_is_refused(
    models: dict[str, TritonModel], tensor: Tensor, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        models["double"].predict(asked(tensor))


def test_an_error_of_the_model_is_an_inference_error(
    models: dict[str, TritonModel],
) -> None:
    with pytest.raises(InferenceError, match="a number is missing"):
        models["double"].predict(asked(fp32("x", [[1, np.nan, 3]])))
    with pytest.raises(InferenceError, match="x is negative"):
        models["double"].predict(asked(fp32("x", -ROW)))


def test_the_only_model_has_the_name_of_the_service(
    repository: Callable[..., Path],
) -> None:
    model = loaded(repository("double"), "service")

    try:
        assert model.upstream.name == "double"
        assert model.predict(asked(fp32("x", ROW))).outputs[0].data.tolist() == [
            [2, 4, 6]
        ]
    finally:
        model.unload()


def test_a_server_that_dies_is_started_again(repository: Callable[..., Path]) -> None:
    before = set(_servers())
    model = loaded(repository("double"))
    (server,) = set(_servers()) - before

    os.kill(server.pid, signal.SIGKILL)

    _until(lambda: "SIGKILL" in model.why_unhealthy)
    with pytest.raises(ModelNotReady, match="is started again"):
        model.predict(asked(fp32("x", ROW)))
    _until(lambda: not model.why_unhealthy)
    assert model.predict(asked(fp32("x", ROW))).outputs[0].data.tolist() == [[2, 4, 6]]
    model.unload()
    assert set(_servers()) == before


def test_a_model_whose_code_fails_says_how(
    repository: Callable[..., Path], write: Callable[..., Path]
) -> None:
    folder = repository()
    write(folder, "double", code="import no_such_package")
    before = set(_servers())

    with pytest.raises(ModelLoadError) as caught:
        loaded(folder)

    assert "no_such_package" in caught.value.message
    assert "requirements of [plugins.triton]" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert set(_servers()) == before


def test_code_that_nobody_trusts_is_not_run(
    repository: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository("double")
    monkeypatch.setenv("INFERRY_PLUGINS__TRITON__TRUST", "/somewhere/else")

    with pytest.raises(ModelLoadError) as caught:
        loaded(folder)

    assert caught.value.reason == Reason.ModelUnsafe
    assert f"INFERRY_PLUGINS__TRITON__TRUST={folder}" in caught.value.remedy


def test_a_model_of_the_option_that_is_not_there_is_named(
    repository: Callable[..., Path],
) -> None:
    with pytest.raises(ModelLoadError, match="'missing'; the repository has double"):
        loaded(repository("double"), models="double,missing")


def test_attaching_to_nobody_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"no Triton answers .* 127\.0\.0\.1:2"):
        loaded(tmp_path, url="127.0.0.1:1")


def test_an_address_without_a_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="option url is 'triton'"):
        loaded(tmp_path, url="triton")


@pytest.mark.parametrize("url", ["h:99999", "h:0", "https://h:1", "a:b:1", "h/p:1"])
def test_an_address_that_cannot_be_is_refused_before_it_is_asked(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(ModelLoadError, match="write it as host:port"):
        loaded(tmp_path, url=url)


def _servers() -> list[psutil.Process]:
    """Return the servers that this process has started and that still run."""
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if each.status() != psutil.STATUS_ZOMBIE and each.name() == "tritonserver"
    ]


def _until(check: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not check():
        assert time.monotonic() < until
        time.sleep(0.05)
