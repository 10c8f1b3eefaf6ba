"""The paths and bodies of V1 and V2 over HTTP."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import gzip
import json
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from inferry.testing.protocol import wire
from inferry.testing.protocol._kit import (
    MODEL,
    ProtocolKit,
    assert_same,
    post,
    repeated,
    rows,
    skip_without_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.model import ModelMetadata, Tensor
    from inferry.testing.protocol._served import Served

    Inputs = tuple[Tensor, ...]
    Outputs = Mapping[str, Tensor]

INFER = f"/v2/models/{MODEL}/infer"
_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
_TIMES = 2
_STATS = f"/v2/models/{MODEL}/stats"


class RestTests(ProtocolKit):
    """Health, metadata, inference, errors and statistics over HTTP."""

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/", {"status": "alive"}),
            ("/v2/health/live", {"live": True}),
            ("/v2/health/ready", {"ready": True}),
            ("/v1/models", {"models": [MODEL]}),
            ("/v2/models", {"models": [MODEL]}),
            (f"/v1/models/{MODEL}", {"name": MODEL, "ready": True}),
            (f"/v2/models/{MODEL}/ready", {"name": MODEL, "ready": True}),
            (f"/v2/models/{MODEL}/versions/1/ready", {"name": MODEL, "ready": True}),
        ],
    )
    def test_health_and_lists(
        self, served: Served, path: str, body: dict[str, object]
    ) -> None:
        """The server is alive and ready, and lists the model; it may say more.

        On failure: the log of the server says what the model waits for; a model whose
        metadata names versions must have ``1`` among them here.
        """
        response = served.request("GET", path)
        assert response.status_code == 200  # noqa: PLR2004 - HTTP's OK
        assert body.items() <= response.json().items()

    def test_the_server_names_itself(self, served: Served) -> None:
        """``GET /v2`` has name, version and extensions.

        On failure: update inferry-server.
        """
        told = served.request("GET", "/v2").json()
        assert sorted(told) == ["extensions", "name", "version"]
        assert all(isinstance(each, str) for each in told["extensions"])
        assert "binary_tensor_data" in told["extensions"]

    @pytest.mark.parametrize("version", ["", "/versions/1"])
    def test_metadata_is_complete(self, served: Served, version: str) -> None:
        """Each tensor has a name, a V2 datatype and a shape of whole numbers.

        On failure: return them from `metadata`, -1 for a dimension of any size.
        """
        told = served.request("GET", f"/v2/models/{MODEL}{version}").json()
        assert sorted(told) == ["inputs", "name", "outputs", "platform", "versions"]
        assert told["name"] == MODEL
        assert "1" in told["versions"]
        assert isinstance(told["platform"], str)
        for tensor in (*told["inputs"], *told["outputs"]):
            assert sorted(tensor) == ["datatype", "name", "shape"]
            wire.dtype_of(tensor["datatype"])
            assert all(isinstance(n, int) and n >= -1 for n in tensor["shape"])

    def test_config_agrees_with_metadata(
        self, served: Served, metadata: ModelMetadata
    ) -> None:
        """``GET /v2/models/{m}/config`` names the tensors that the metadata names.

        On failure: return the same from `metadata` at every call.
        """
        told = served.request("GET", f"/v2/models/{MODEL}/config").json()
        assert told["name"] == MODEL
        for key, specs in (("input", metadata.inputs), ("output", metadata.outputs)):
            names = {each["name"]: each["data_type"] for each in told.get(key, [])}
            types = {
                spec.name: f"TYPE_{'STRING' if kind == 'BYTES' else kind}"
                for spec in specs
                for kind in (spec.datatype,)
            }
            assert names == types

    def test_json_gives_the_same_as_binary(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """JSON in and out, without a content type too, equals raw bytes in and out.

        On failure: `predict` must not depend on anything but its request; give
        ``request_example`` inputs whose answer is the same each time.
        """
        skip_without_json([*inputs, *expected.values()])
        for headers in ({}, {"Content-Type": "application/json; charset=utf-8"}):
            body = wire.body(inputs)
            answer = wire.read(
                served.request("POST", INFER, content=body.content, headers=headers)
            )
            assert answer.status == HTTPStatus.OK, answer.document
            assert wire.HEADER_LENGTH not in answer.headers
            assert_same(expected, answer.outputs)

    def test_each_output_is_binary_or_json_as_asked(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """``binary_data`` of an output wins over ``binary_data_output`` of the request.

        On failure: update inferry-server.
        """
        skip_without_json(list(expected.values()))
        for name in expected:
            outputs = [
                {"name": each, "parameters": {"binary_data": each == name}}
                for each in expected
            ]
            answer = post(
                served,
                inputs,
                binary=True,
                outputs=outputs,
                parameters={"binary_data_output": len(outputs) > 1},
            )
            assert answer.binary == {name}
            assert_same(expected, answer.outputs)

    def test_answers_name_the_model_and_echo_the_id(
        self, served: Served, inputs: Inputs
    ) -> None:
        """``id`` comes back as it was sent, and is a text or absent otherwise.

        On failure: update inferry-server.
        """
        answer = post(served, inputs, binary=True, id="kit-1")
        told = answer.document
        assert (told["model_name"], told["model_version"]) == (MODEL, "1")
        assert told["id"] == "kit-1"
        without = post(served, inputs, binary=True).document
        assert isinstance(without.get("id", ""), str)

    def test_the_version_may_be_named(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """``/versions/1/infer`` is answered, another version is a 404.

        On failure: leave ``versions`` of the metadata empty, or put ``1`` in.
        """
        path = f"/v2/models/{MODEL}/versions/{{}}/infer"
        binary = {"binary_data_output": True}
        answer = post(
            served, inputs, path=path.format(1), binary=True, parameters=binary
        )
        assert_same(expected, answer.outputs)
        answer = post(served, inputs, path=path.format(999), binary=True)
        assert (answer.status, bool(answer.error)) == (404, True), answer.document

    def test_outputs_come_as_they_are_asked_for(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """Only the outputs asked for come, in the order in which they were named.

        On failure: compute or keep only ``request.outputs`` where it is not empty.
        """
        binary = {"binary_data_output": True}
        backwards = list(reversed(list(expected)))
        for names in ([name] for name in expected), [backwards]:
            for wanted in names:
                answer = post(
                    served,
                    inputs,
                    binary=True,
                    outputs=[{"name": name} for name in wanted],
                    parameters=binary,
                )
                assert answer.status == HTTPStatus.OK, answer.document
                assert_same({name: expected[name] for name in wanted}, answer.outputs)

    @pytest.mark.parametrize("algorithm", list(_COMPRESS))
    def test_bodies_may_be_compressed_both_ways(
        self, served: Served, inputs: Inputs, expected: Outputs, algorithm: str
    ) -> None:
        """Both gzip and deflate are read and written; lengths are of what they contain.

        On failure: update inferry-server.
        """
        body = wire.body(inputs, binary=True, parameters={"binary_data_output": True})
        headers = {"Content-Encoding": algorithm, "Accept-Encoding": algorithm}
        answer = wire.read(
            served.request(
                "POST",
                INFER,
                content=_COMPRESS[algorithm](body.content),
                headers={**body.headers, **headers},
            )
        )
        assert answer.status == HTTPStatus.OK, answer.document
        assert_same(expected, answer.outputs)

    def test_v1_predicts(self, served: Served, inputs: Inputs) -> None:
        """``:predict`` of V1 answers the same rows, or says why it cannot.

        On failure: raise `InvalidInput` for what V1's rows cannot say.
        """
        skip_without_json(inputs)
        columns = {tensor.name: tensor.data.tolist() for tensor in inputs}
        if any(tensor.datatype == "BYTES" for tensor in inputs):
            pytest.skip("V1 does not say which text is bytes")
        (first, *more) = columns
        instances: list[Any] = columns[first]
        if more:
            instances = [
                dict(zip(columns, row, strict=True))
                for row in zip(*columns.values(), strict=True)
            ]
        path = f"/v1/models/{MODEL}:predict"
        response = served.request("POST", path, json={"instances": instances})
        if response.status_code == HTTPStatus.BAD_REQUEST:
            assert list(response.json()) == ["error"]
            return
        assert response.status_code == HTTPStatus.OK, response.text
        assert len(response.json()["predictions"]) == rows(inputs)

    @pytest.mark.parametrize(
        ("path", "content", "status"),
        [
            ("/v2/models/no-such-model/infer", b'{"inputs": []}', 404),
            ("/v1/models/no-such-model:predict", b'{"instances": [1]}', 404),
            (INFER, b"", 400),
            (INFER, b"{", 400),
            (INFER, b"[]", 400),
            (INFER, b"{}", 400),
            (INFER, b'{"inputs": []}', 400),
            (INFER, b'{"inputs": [{"name": "x"}]}', 400),
        ],
    )
    def test_what_cannot_be_read_is_refused(
        self, served: Served, path: str, content: bytes, status: int
    ) -> None:
        """A wrong path or body is a 4xx whose body is ``{"error": "why"}``.

        On failure: raise `InvalidInput` from `predict`, never an exception of the
        framework.
        """
        answer = wire.read(served.request("POST", path, content=content))
        assert (answer.status, bool(answer.error)) == (status, True), answer.document

    def test_what_does_not_fit_the_model_is_refused(
        self, served: Served, inputs: Inputs, metadata: ModelMetadata
    ) -> None:
        """An unknown output and a misspelt input are 400 and name what is wrong.

        On failure: compare with the metadata, raise `InvalidInput` with the name.
        """
        wanted = [{"name": "no-such-output"}]
        answer = post(served, inputs, binary=True, outputs=wanted)
        assert answer.status == HTTPStatus.BAD_REQUEST, answer.document
        assert "no-such-output" in answer.error
        if not metadata.inputs:
            pytest.skip("the model has no metadata, so any input may be right")
        document = wire.document(inputs[:0])
        document["inputs"] = [
            {"name": "no-such-input", "datatype": "FP32", "shape": [1], "data": [1]}
        ]
        response = served.request("POST", INFER, content=json.dumps(document).encode())
        answer = wire.read(response)
        assert answer.status == HTTPStatus.BAD_REQUEST, answer.document
        assert "no-such-input" in answer.error

    def test_statistics_rise_by_what_was_asked(
        self, served: Served, inputs: Inputs, metadata: ModelMetadata
    ) -> None:
        """A request of three rows counts one success and three inferences.

        On failure: set ``batching`` only where rows are independent.
        """
        given = repeated(inputs, metadata, 3) or inputs
        before = _statistics(served)
        for _ in range(_TIMES):
            assert post(served, given, binary=True).status == HTTPStatus.OK
        after = _statistics(served)
        assert after["inference_count"] - before["inference_count"] == _TIMES * rows(
            given
        )
        assert _count(after, "success") - _count(before, "success") == _TIMES
        assert _count(after, "fail") == _count(before, "fail")
        assert after["execution_count"] > before["execution_count"]

    def test_failures_are_counted_apart(self, served: Served, inputs: Inputs) -> None:
        """A refused request is a failure in the statistics and no inference.

        On failure: update inferry-server.
        """
        before = _statistics(served)
        wanted = [{"name": "no-such-output"}]
        assert (
            post(served, inputs, binary=True, outputs=wanted).status
            == HTTPStatus.BAD_REQUEST
        )
        after = _statistics(served)
        assert after["inference_count"] == before["inference_count"]
        assert _count(after, "fail") - _count(before, "fail") == 1

    def test_the_repository_lists_the_model(self, served: Served) -> None:
        """``POST /v2/repository/index`` has the model, its version and its state.

        On failure: the log of the server says why the model is not ready.
        """
        response = served.request("POST", "/v2/repository/index", json={"ready": True})
        (told,) = response.json()
        assert told["name"] == MODEL
        assert told["state"] == "READY"
        assert told["version"] == "1"


def _statistics(served: Served) -> dict[str, Any]:
    (told,) = served.request("GET", _STATS).json()["model_stats"]
    found: dict[str, Any] = told
    return found


def _count(statistics: dict[str, Any], kind: str) -> int:
    return int(statistics["inference_stats"][kind]["count"])
