"""What people have: tritonclient over HTTP and gRPC, plain and asyncio."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tritonclient.utils import InferenceServerException

from inferry.model import Tensor
from inferry.testing.protocol import clients, wire
from inferry.testing.protocol._kit import (
    MODEL,
    ProtocolKit,
    assert_same,
    skip_without_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.testing.protocol._served import Served

    Inputs = tuple[Tensor, ...]
    Outputs = Mapping[str, Tensor]

each_kind = pytest.mark.parametrize("kind", clients.KINDS)
each_http = pytest.mark.parametrize("kind", clients.KINDS[:2])


class ClientTests(ProtocolKit):
    """The calls that programs written for Triton make."""

    @each_kind
    def test_tritonclient_sees_the_model(self, served: Served, kind: str) -> None:
        """Health, metadata, configuration, index and statistics can be read.

        On failure: the log of the server says what the model waits for.
        """
        assert clients.ask(kind, served, "is_server_live")
        assert clients.ask(kind, served, "is_server_ready")
        assert clients.ask(kind, served, "is_model_ready", MODEL)
        assert clients.ask(kind, served, "is_model_ready", MODEL, "1")
        for method, arguments in (
            ("get_server_metadata", ()),
            ("get_model_metadata", (MODEL,)),
            ("get_model_config", (MODEL, "1")),
            ("get_model_repository_index", ()),
            ("get_inference_statistics", (MODEL,)),
        ):
            assert clients.ask(kind, served, method, *arguments)

    @each_kind
    def test_tritonclient_infers(
        self, served: Served, inputs: Inputs, expected: Outputs, kind: str
    ) -> None:
        """The client's defaults give the answer of plain HTTP.

        On failure: `predict` must not depend on anything but its request.
        """
        answer = clients.infer(kind, served, MODEL, inputs)
        assert_same(expected, _tensors(answer, expected))

    @each_kind
    def test_tritonclient_sends_all_it_can(
        self, served: Served, inputs: Inputs, expected: Outputs, kind: str
    ) -> None:
        """Version, id, parameters, priority and timeout may go with a request.

        On failure: ignore in `predict` the parameters that mean nothing to it.
        """
        answer = clients.infer(
            kind,
            served,
            MODEL,
            inputs,
            model_version="1",
            request_id="kit-3",
            parameters={"text": "x", "number": 3, "flag": True},
            priority=1,
            timeout=20_000_000,
            outputs=dict.fromkeys(expected, True),
            headers={"x-request-id": "kit-3"},
        )
        told = answer.get_response()
        assert (told["id"] if isinstance(told, dict) else told.id) == "kit-3"
        assert_same(expected, _tensors(answer, expected))

    @each_http
    def test_tritonclient_infers_in_json(
        self, served: Served, inputs: Inputs, expected: Outputs, kind: str
    ) -> None:
        """``binary_data=False`` both ways, for which the client sends no content type.

        On failure: `predict` must not depend on anything but its request.
        """
        skip_without_json([*inputs, *expected.values()])
        wanted = dict.fromkeys(expected, False)
        answer = clients.infer(
            kind, served, MODEL, inputs, binary=False, outputs=wanted
        )
        assert_same(expected, _tensors(answer, expected))

    @each_http
    @pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
    def test_tritonclient_compresses(
        self,
        served: Served,
        inputs: Inputs,
        expected: Outputs,
        kind: str,
        algorithm: str,
    ) -> None:
        """The client's compression of requests and responses works.

        On failure: update inferry-server.
        """
        answer = clients.infer(
            kind,
            served,
            MODEL,
            inputs,
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        assert_same(expected, _tensors(answer, expected))

    @each_kind
    def test_tritonclient_reads_errors(
        self, served: Served, inputs: Inputs, kind: str
    ) -> None:
        """The client raises its exception with the reason and a status.

        On failure: raise `InvalidInput` from `predict`.
        """
        with pytest.raises(InferenceServerException) as caught:
            clients.infer(kind, served, "no-such-model", inputs)
        assert "no-such-model" in caught.value.message()
        assert caught.value.status() in {"404", "StatusCode.NOT_FOUND"}


def _tensors(answer: Any, expected: Outputs) -> Outputs:  # noqa: ANN401 - a result
    found = {}
    for name, tensor in expected.items():
        data = answer.as_numpy(name)
        if tensor.datatype == "BYTES":
            # From JSON the client gives texts where it gives bytes otherwise.
            flat = [t.encode() if isinstance(t, str) else t for t in data.flat]
            data = wire.objects(flat, data.shape)
        found[name] = Tensor(name=name, datatype=tensor.datatype, data=data)
    return found
