"""Streams of gRPC: order, the end of each answer, errors, and a client that leaves."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import tritonclient.grpc as triton
from conformance import encodings, tensors
from tritonclient.grpc import service_pb2_grpc

from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from inferry.testing.protocol import Served

ONE = tensors.sample("FP32", (1, 2))


def asked(identity: str, **parameters: Any) -> Any:
    request = clients.message(encodings.MODEL, [ONE], raw=True, id=identity)
    for name, value in parameters.items():
        field = {bool: "bool_param", int: "int64_param", float: "double_param"}.get(
            type(value), "string_param"
        )
        setattr(request.parameters[name], field, value)
    return request


def piece(answer: Any) -> int:
    number: int = answer.infer_response.parameters["piece"].int64_param
    return number


def calls(served: Served) -> tuple[int, int]:
    """Return how many calls of the model began and how many ended."""
    request = clients.message(encodings.MODEL, [ONE], raw=True)
    request.parameters["report"].bool_param = True
    given = clients.tensors(clients.call(served, "ModelInfer", request))
    began, ended = given["calls"].data
    return int(began), int(ended)


def test_pieces_come_in_order(echo: Served) -> None:
    answers = clients.stream(echo, [asked("a", pieces=20)])
    assert [piece(answer) for answer in answers] == list(range(20))
    assert {answer.infer_response.id for answer in answers} == {"a"}


def test_pieces_of_one_request_keep_their_order_among_others(echo: Served) -> None:
    wanted = [asked(name, pieces=10, delay=0.005) for name in "abc"]
    answers = clients.stream(echo, wanted)
    for name in "abc":
        own = [piece(each) for each in answers if each.infer_response.id == name]
        assert own == list(range(10))


def test_a_stream_may_answer_nothing(echo: Served) -> None:
    answers = clients.stream(echo, [asked("a", pieces=0), asked("b", pieces=1)])
    assert [answer.infer_response.id for answer in answers] == ["b"]


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_the_last_answer_is_marked_where_it_is_asked_for(
    echo: Served, pieces: int
) -> None:
    request = asked("a", pieces=pieces, triton_enable_empty_final_response=True)
    answers = clients.stream(echo, [request])
    final = [
        answer.infer_response.parameters["triton_final_response"].bool_param
        for answer in answers
    ]
    assert final[-1:] == [True]
    assert not any(final[:-1])
    assert len([each for each in answers if each.infer_response.outputs]) == pieces


def test_the_client_reads_the_end_of_a_stream(echo: Served) -> None:
    got: queue.Queue[Any] = queue.Queue()
    with triton.InferenceServerClient(echo.grpc) as client:
        client.start_stream(lambda result, error: got.put((result, error)))
        given = triton.InferInput("x", [1, 2], "FP32")
        given.set_data_from_numpy(ONE.data)
        client.async_stream_infer(
            encodings.MODEL,
            [given],
            request_id="a",
            parameters={"pieces": 3},
            enable_empty_final_response=True,
        )
        answers = []
        while True:
            result, error = got.get(timeout=10)
            assert error is None
            response = result.get_response()
            answers.append(response)
            if response.parameters["triton_final_response"].bool_param:
                break
        client.stop_stream()
    assert len([each for each in answers if each.outputs]) == 3


def test_a_stream_survives_a_failure(echo: Served) -> None:
    wanted = [asked("a"), asked("b", fail="ValueError"), asked("c")]
    answers = clients.stream(echo, wanted)
    by_id = {answer.infer_response.id: answer for answer in answers}
    assert list(by_id) == ["a", "b", "c"]
    assert by_id["b"].error_message
    assert "secret-of-the-model" not in by_id["b"].error_message


def test_the_model_stops_when_the_client_leaves(echo: Served) -> None:
    began, ended = calls(echo)
    assert began == ended
    with grpc.insecure_channel(echo.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        answers = stub.ModelStreamInfer(iter([asked("a", pieces=10**6, delay=0.01)]))
        assert [piece(next(answers)) for _ in range(3)] == [0, 1, 2]
        answers.cancel()
    _until_all_ended(echo, began + 1)


def test_a_call_stops_when_the_client_leaves(echo: Served) -> None:
    began, _ = calls(echo)
    request = asked("a", delay=60)
    with grpc.insecure_channel(echo.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        call = stub.ModelInfer.future(request)
        while calls(echo)[0] == began:
            time.sleep(0.02)
        call.cancel()
    _until_all_ended(echo, began + 1)


def test_many_streams_at_once(echo: Served) -> None:
    with grpc.insecure_channel(echo.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        streams = [
            stub.ModelStreamInfer(iter([asked(str(index), pieces=5, delay=0.01)]))
            for index in range(20)
        ]
        for index, answers in enumerate(streams):
            given = list(answers)
            assert [piece(each) for each in given] == list(range(5))
            assert {each.infer_response.id for each in given} == {str(index)}


def _until_all_ended(served: Served, began: int) -> None:
    until = time.monotonic() + 5
    while calls(served) != (began, began):
        assert time.monotonic() < until, f"the model still computes: {calls(served)}"
        time.sleep(0.02)
