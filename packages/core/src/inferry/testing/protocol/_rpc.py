"""``inference.GRPCInferenceService`` by hand-made messages."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from tritonclient.grpc import service_pb2

from inferry.testing.protocol import clients
from inferry.testing.protocol._kit import (
    MODEL,
    ProtocolKit,
    assert_same,
    rows,
    skip_without_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import ModelMetadata, Tensor
    from inferry.testing.protocol._served import Served

    Inputs = tuple[Tensor, ...]
    Outputs = Mapping[str, Tensor]

_SERVING = b"\x08\x01"
_STREAMED = 5


class RpcTests(ProtocolKit):
    """Health, metadata, inference, streams, errors and statistics over gRPC."""

    def test_grpc_says_live_and_ready(self, served: Served) -> None:
        """The server, the model and its version are ready; an unknown model is not.

        On failure: the log of the server says what the model waits for.
        """
        live = clients.call(served, "ServerLive", service_pb2.ServerLiveRequest())
        ready = clients.call(served, "ServerReady", service_pb2.ServerReadyRequest())
        assert (live.live, ready.ready) == (True, True)
        for version in ("", "1"):
            asked = service_pb2.ModelReadyRequest(name=MODEL, version=version)
            assert clients.call(served, "ModelReady", asked).ready

    def test_grpc_has_the_health_service(self, served: Served) -> None:
        """``grpc.health.v1.Health/Check`` says SERVING, as a Kubernetes probe asks.

        On failure: the log of the server says what the model waits for.
        """
        answer = clients.unary(served, "/grpc.health.v1.Health/Check", b"")
        assert answer == _SERVING

    def test_grpc_metadata_is_that_of_http(
        self, served: Served, metadata: ModelMetadata
    ) -> None:
        """``ModelMetadata`` says what ``GET /v2/models/{m}`` says.

        On failure: return the same from `metadata` at every call.
        """
        asked = service_pb2.ModelMetadataRequest(name=MODEL)
        told = clients.call(served, "ModelMetadata", asked)
        assert (told.name, told.platform) == (MODEL, metadata.platform)
        assert tuple(told.versions) == metadata.versions
        for given, specs in (
            (told.inputs, metadata.inputs),
            (told.outputs, metadata.outputs),
        ):
            assert [
                (each.name, each.datatype, tuple(each.shape)) for each in given
            ] == [(spec.name, spec.datatype, spec.shape) for spec in specs]

    def test_grpc_config_names_the_same_tensors(
        self, served: Served, metadata: ModelMetadata
    ) -> None:
        """``ModelConfig`` names the tensors that the metadata names.

        On failure: return the same from `metadata` at every call.
        """
        asked = service_pb2.ModelConfigRequest(name=MODEL)
        config = clients.call(served, "ModelConfig", asked).config
        assert config.name == MODEL
        assert [each.name for each in config.input] == [
            spec.name for spec in metadata.inputs
        ]
        assert [each.name for each in config.output] == [
            spec.name for spec in metadata.outputs
        ]

    @pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
    def test_grpc_gives_the_same_as_http(
        self, served: Served, inputs: Inputs, expected: Outputs, *, raw: bool
    ) -> None:
        """Raw and typed contents give the answer that HTTP gives.

        On failure: `predict` must not depend on anything but its request.
        """
        if not raw:
            skip_without_json(inputs)
        asked = clients.message(MODEL, inputs, raw=raw, id="kit-2")
        answer = clients.call(served, "ModelInfer", asked)
        assert (answer.model_name, answer.model_version) == (MODEL, "1")
        assert answer.id == "kit-2"
        assert_same(expected, clients.tensors(answer))

    def test_grpc_outputs_come_as_they_are_asked_for(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """Only the outputs asked for come, in the order in which they were named.

        On failure: compute or keep only ``request.outputs`` where it is not empty.
        """
        names = list(reversed(list(expected)))
        for wanted in (names, names[:1]):
            asked = clients.message(MODEL, inputs, raw=True, outputs=wanted)
            answer = clients.call(served, "ModelInfer", asked)
            given = clients.tensors(answer)
            assert_same({name: expected[name] for name in wanted}, given)

    def test_grpc_statuses_say_what_is_wrong(
        self, served: Served, inputs: Inputs
    ) -> None:
        """An unknown model is NOT_FOUND, a request that does not fit INVALID_ARGUMENT.

        On failure: raise `InvalidInput` from `predict`, never an exception of the
        framework.
        """
        unknown = clients.message("no-such-model", inputs, raw=True)
        assert _refused(served, unknown) == grpc.StatusCode.NOT_FOUND
        version = clients.message(MODEL, inputs, raw=True, model_version="999")
        assert _refused(served, version) == grpc.StatusCode.NOT_FOUND
        output = clients.message(MODEL, inputs, raw=True, outputs=["no-such-output"])
        assert _refused(served, output) == grpc.StatusCode.INVALID_ARGUMENT
        empty = clients.message(MODEL, (), raw=True)
        assert _refused(served, empty) == grpc.StatusCode.INVALID_ARGUMENT
        short = clients.message(MODEL, inputs, raw=True)
        short.raw_input_contents[0] += b"\0"
        assert _refused(served, short) == grpc.StatusCode.INVALID_ARGUMENT

    def test_grpc_streams_answer_in_order(
        self, served: Served, inputs: Inputs, expected: Outputs
    ) -> None:
        """Each request of a stream is answered in turn, a wrong one with its error.

        On failure: a model with `stream` must give at least one answer, the last of
        which equals `predict`'s.
        """
        asked = [
            clients.message(MODEL, inputs, raw=True, id=str(index))
            for index in range(_STREAMED)
        ]
        asked[1] = clients.message("no-such-model", inputs, raw=True, id="1")
        answers = clients.stream(served, asked)
        errors = [answer for answer in answers if answer.error_message]
        assert len(errors) == 1
        assert "no-such-model" in errors[0].error_message
        by_id: dict[str, Mapping[str, Tensor]] = {}
        for answer in answers:
            if not answer.error_message:
                response = answer.infer_response
                by_id[response.id] = clients.tensors(response)
        assert list(by_id) == [str(n) for n in range(_STREAMED) if n != 1]
        for given in by_id.values():
            assert_same(expected, given)

    def test_grpc_requests_are_counted_with_those_of_http(
        self, served: Served, inputs: Inputs
    ) -> None:
        """``ModelStatistics`` rises by what was asked over gRPC.

        On failure: update inferry-server.
        """
        asked = service_pb2.ModelStatisticsRequest(name=MODEL)
        (before,) = clients.call(served, "ModelStatistics", asked).model_stats
        request = clients.message(MODEL, inputs, raw=True)
        clients.call(served, "ModelInfer", request)
        (after,) = clients.call(served, "ModelStatistics", asked).model_stats
        assert after.inference_count - before.inference_count == rows(inputs)
        one = after.inference_stats.success.count
        assert one - before.inference_stats.success.count == 1

    def test_grpc_lists_the_repository(self, served: Served) -> None:
        """``RepositoryIndex`` has the model, its version and its state.

        On failure: the log of the server says why the model is not ready.
        """
        asked = service_pb2.RepositoryIndexRequest()
        (told,) = clients.call(served, "RepositoryIndex", asked).models
        assert (told.name, told.version, told.state) == (MODEL, "1", "READY")


def _refused(served: Served, request: object) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(served, "ModelInfer", request)
    assert caught.value.details()
    code: grpc.StatusCode = caught.value.code()
    return code
