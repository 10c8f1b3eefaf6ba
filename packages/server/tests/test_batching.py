"""Adaptive batching: who computes together, and that nobody notices."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest

from inferry.errors import InferenceError, InvalidInput, ModelNotReady, Overloaded
from inferry.model import InferRequest, InferResponse, Tensor
from inferry_server.batching import Batcher
from inferry_server.calls import Call
from inferry_server.codec.values import object_array
from inferry_server.errors import DeadlineExceeded
from inferry_server.execution import Execution
from inferry_server.states import Batching


def tensor(data: Any, name: str = "x", **parameters: Any) -> Tensor:
    array = np.asarray(data, np.float32)
    return Tensor(name=name, datatype="FP32", data=array, parameters=parameters)


def asks(data: Any, **fields: Any) -> InferRequest:
    return InferRequest(inputs=(tensor(data),), **fields)


class Doubles:
    """A row-wise model that keeps what it was called with; -1 is a bad value."""

    def __init__(self) -> None:
        self.requests: list[InferRequest] = []
        self.open = threading.Event()
        self.open.set()

    @property
    def sizes(self) -> list[int]:
        return [len(request.inputs[0].data) for request in self.requests]

    def predict(self, request: InferRequest) -> InferResponse:
        self.requests.append(request)
        assert self.open.wait(10)
        data = request.inputs[0].data
        if (data == -1).any():
            raise InvalidInput("a row is -1")
        return InferResponse(outputs=(tensor(data * 2, "y"),))


class Served:
    """A model with its turns and its batches, as the server puts them together."""

    def __init__(
        self,
        model: Any,
        *,
        max_size: int = 8,
        max_delay: float = 5.0,
        concurrency: int = 1,
        queue_size: int = 100,
    ) -> None:
        self.model = model
        self.execution = Execution("m", concurrency=concurrency, queue_size=1)
        self.batcher = Batcher(
            "m",
            lambda request, call: self.execution.call(model.predict, request, call),
            Batching(max_size=max_size, max_delay=max_delay),
            concurrency=concurrency,
            queue_size=queue_size,
        )

    def submit(
        self, request: Any, *, deadline: Any = None, size: int = 10
    ) -> tuple[asyncio.Future[Any], Call]:
        call = Call("v2", {}, deadline=deadline)
        call.size = size
        return self.batcher.submit(request, call), call

    def all(self, *requests: Any) -> list[asyncio.Future[Any]]:
        return [self.submit(request)[0] for request in requests]


async def values(future: Any) -> Any:
    return (await future).outputs[0].data.tolist()


async def hold(served: Served) -> asyncio.Future[Any]:
    """Let the model begin with a request and keep it busy until ``model.open``."""
    served.model.open.clear()
    future, _ = served.submit(asks([[0]]))
    await calls(served, 1)
    return future


async def calls(served: Served, count: int) -> None:
    async with asyncio.timeout(5):
        while len(served.model.requests) < count:  # noqa: ASYNC110 - set by a thread
            await asyncio.sleep(0.001)


async def test_what_one_turn_of_the_loop_brings_is_one_call() -> None:
    served = Served(Doubles())
    futures = served.all(asks([[1]]), asks([[2], [3]]), asks([[4]]))
    assert [await values(future) for future in futures] == [[[2]], [[4], [6]], [[8]]]
    assert served.model.sizes == [4]


async def test_a_model_that_is_idle_waits_for_nobody() -> None:
    served = Served(Doubles(), max_delay=60)
    began = time.monotonic()
    assert await values(served.submit(asks([[1]]))[0]) == [[2]]
    assert time.monotonic() - began < 5


async def test_requests_gather_while_the_model_is_busy() -> None:
    served = Served(Doubles(), max_size=4)
    first = await hold(served)
    futures = served.all(*(asks([[number]]) for number in range(6)))
    await asyncio.sleep(0.01)
    served.model.open.set()
    assert [await values(future) for future in (first, *futures)] == [
        [[0]],
        *([[number * 2]] for number in range(6)),
    ]
    assert served.model.sizes == [1, 4, 2]


async def test_a_bad_request_fails_alone() -> None:
    served = Served(Doubles())
    good, bad, better = served.all(asks([[1]]), asks([[-1]]), asks([[3]]))
    with pytest.raises(InvalidInput, match="a row is -1"):
        await bad
    assert [await values(good), await values(better)] == [[[2]], [[6]]]
    assert served.model.sizes == [3, 1, 1, 1]
    assert served.batcher.merges


async def test_each_call_hears_when_it_ran_and_with_how_many_rows() -> None:
    served = Served(Doubles())
    submitted = [served.submit(asks([[1]])), served.submit(asks([[2], [3]]))]
    await asyncio.gather(*(future for future, _ in submitted))
    for _, call in submitted:
        assert call.batch == 3
        assert call.arrived <= call.queued <= call.started <= call.ended


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asks([[1]]), asks([[1, 2]])),
        (asks([[1]]), asks([[1]], outputs=("y",))),
        (asks([[1]]), asks([[1]], parameters={"k": 1})),
        (asks([[1]], parameters={"k": 1}), asks([[1]], parameters={"k": True})),
        (asks([[1]]), asks([[1]], parameters={"k": object()})),
        (asks([[1]]), InferRequest(inputs=(tensor([[1]], "z"),))),
        (asks([[1]]), InferRequest(inputs=(tensor([[1]], k=1),))),
        (asks([[1]]), asks([1])),
        (asks([[1]]), asks(np.zeros((9, 1)))),
        (asks([[1]]), asks(np.zeros((0, 1)))),
        (asks([[1]]), asks(5)),
        (asks(5), asks(5)),
        (asks([[1]]), InferRequest(inputs=(tensor([[1]]), tensor([[1], [2]], "z")))),
    ],
)
async def test_what_does_not_fit_together_is_computed_apart(
    one: Any, other: Any
) -> None:
    served = Served(Doubles())
    await asyncio.gather(*served.all(one, other))
    assert len(served.model.requests) == 2


async def test_how_a_tensor_travelled_does_not_keep_requests_apart() -> None:
    served = Served(Doubles())
    binary = InferRequest(
        inputs=(tensor([[1]], binary_data_size=4, kept="k"),),
        parameters={"binary_data_output": True},
        headers={"a": "1", "b": "2"},
        id="7",
    )
    plain = InferRequest(
        inputs=(tensor([[2]], kept="k"),), headers={"a": "1", "b": "3"}
    )
    await asyncio.gather(*served.all(binary, plain))
    (merged,) = served.model.requests
    assert merged.inputs[0].parameters == {"kept": "k"}
    assert merged.headers == {"a": "1"}
    assert merged.id is None


async def test_texts_are_merged_like_numbers() -> None:
    class Upper(Doubles):
        def predict(self, request: InferRequest) -> InferResponse:
            self.requests.append(request)
            items = [item.upper() for item in request.inputs[0].data]
            data = object_array(items)
            return InferResponse(
                outputs=(Tensor(name="y", datatype="BYTES", data=data),)
            )

    def text(*items: bytes) -> InferRequest:
        data = object_array(items)
        return InferRequest(inputs=(Tensor(name="x", datatype="BYTES", data=data),))

    served = Served(Upper())
    futures = served.all(text(b"a"), text(b"b", b"c"))
    assert [await values(future) for future in futures] == [[b"A"], [b"B", b"C"]]
    assert served.model.sizes == [3]


async def test_a_request_whose_client_left_is_not_computed() -> None:
    served = Served(Doubles())
    first = await hold(served)
    gone, stays = served.all(asks([[1]]), asks([[2]]))
    gone.cancel()
    served.model.open.set()
    assert [await values(first), await values(stays)] == [[[0]], [[4]]]
    assert served.model.sizes == [1, 1]


async def test_a_request_that_is_too_late_is_not_computed() -> None:
    served = Served(Doubles())
    first = await hold(served)
    late, _ = served.submit(asks([[1]]), deadline=time.monotonic() + 0.02)
    stays, _ = served.submit(asks([[2]]), deadline=time.monotonic() + 60)
    with pytest.raises(DeadlineExceeded, match="was not started"):
        await late
    served.model.open.set()
    assert [await values(first), await values(stays)] == [[[0]], [[4]]]
    assert served.model.sizes == [1, 1]


async def test_a_deadline_ends_one_request_of_a_batch_that_runs() -> None:
    served = Served(Doubles())
    served.model.open.clear()
    late, _ = served.submit(asks([[1]]), deadline=time.monotonic() + 0.05)
    stays, _ = served.submit(asks([[2]]))
    with pytest.raises(DeadlineExceeded, match="did not answer in time"):
        await late
    served.model.open.set()
    assert await values(stays) == [[4]]
    assert served.model.sizes == [2]


class Endless:
    """An ``async def`` model that notices when it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.started = asyncio.Event()

    async def predict(self, request: InferRequest) -> InferResponse:
        self.started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


async def test_work_that_nobody_wants_any_more_is_cancelled() -> None:
    served = Served(Endless())
    one, other = served.all(asks([[1]]), asks([[2]]))
    await served.model.started.wait()
    one.cancel()
    await asyncio.sleep(0.01)
    assert not served.model.cancelled
    other.cancel()
    assert await served.batcher.close(5)
    assert served.model.cancelled == 1


async def test_work_is_cancelled_even_before_its_first_step() -> None:
    served = Served(Endless())
    (one,) = served.all(asks([[1]]))
    one.add_done_callback(lambda _: None)
    asyncio.get_running_loop().call_soon(one.cancel)
    assert await served.batcher.close(5)


async def test_the_queue_has_an_end() -> None:
    served = Served(Doubles(), queue_size=2)
    first = await hold(served)
    kept, left = served.all(asks([[1]]), asks([[2]]))
    with pytest.raises(Overloaded, match=r"'m' is busy.*2 requests wait"):
        served.submit(asks([[3]]))
    left.cancel()
    more, _ = served.submit(asks([[3]]))
    served.model.open.set()
    assert [await values(future) for future in (first, kept, more)] == [
        [[0]],
        [[2]],
        [[6]],
    ]


class Sums(Doubles):
    """A model that says it is row-wise and is not."""

    def predict(self, request: InferRequest) -> InferResponse:
        self.requests.append(request)
        return InferResponse(outputs=(tensor([request.inputs[0].data.sum()], "s"),))


async def test_a_model_that_is_not_row_wise_is_called_singly_from_then_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = Served(Sums())
    for _ in range(2):
        futures = served.all(asks([[1], [2]]), asks([[3]]))
        assert [await values(future) for future in futures] == [[3], [3]]
    assert served.model.sizes == [3, 2, 1, 2, 1]
    (record,) = caplog.records
    assert record.getMessage() == (
        "model 'm' declares batching, but gave the output 's' of shape [1] for 3 rows; "
        "its requests are no longer merged"
    )


async def test_an_answer_that_is_none_fails_each_request() -> None:
    class Broken(Doubles):
        def predict(self, request: InferRequest) -> Any:
            return None

    for future in Served(Broken()).all(asks([[1]]), asks([[2]])):
        with pytest.raises(InferenceError, match="returned NoneType"):
            await future


async def test_an_answer_that_cannot_even_be_checked_leaves_nobody_waiting() -> None:
    class Broken(Doubles):
        def predict(self, request: InferRequest) -> Any:
            wrong: Any = ["FP32"]
            output = Tensor(name="y", datatype=wrong, data=request.inputs[0].data)
            return InferResponse(outputs=(output,))

    for future in Served(Broken()).all(asks([[1]]), asks([[2]])):
        with pytest.raises(TypeError):
            await asyncio.wait_for(future, 5)


async def test_a_model_with_free_turns_waits_for_rows_while_it_is_busy() -> None:
    served = Served(Doubles(), concurrency=2, max_size=2, max_delay=60)
    first = await hold(served)
    (early,) = served.all(asks([[1]]))
    await asyncio.sleep(0.02)
    assert served.model.sizes == [1]
    (full,) = served.all(asks([[2]]))
    await calls(served, 2)
    assert served.model.sizes == [1, 2]
    served.model.open.set()
    assert [await values(future) for future in (first, early, full)] == [
        [[0]],
        [[2]],
        [[4]],
    ]


async def test_no_request_waits_longer_than_the_delay_for_a_free_turn() -> None:
    served = Served(Doubles(), concurrency=2, max_size=8, max_delay=0.02)
    first = await hold(served)
    (second,) = served.all(asks([[1]]))
    await calls(served, 2)
    served.model.open.set()
    await asyncio.gather(first, second)


async def test_close_waits_for_what_there_is_and_refuses_the_rest() -> None:
    served = Served(Doubles())
    first = await hold(served)
    (waits,) = served.all(asks([[1]]))
    closing = asyncio.create_task(served.batcher.close())
    await asyncio.sleep(0.01)
    with pytest.raises(ModelNotReady, match="'m' is being unloaded"):
        served.submit(asks([[1]]))
    served.model.open.set()
    assert await closing
    assert [await values(first), await values(waits)] == [[[0]], [[2]]]


async def test_close_without_patience_drops_what_waits() -> None:
    served = Served(Doubles())
    first = await hold(served)
    (waits,) = served.all(asks([[1]]))
    assert not await served.batcher.close(0.01)
    with pytest.raises(ModelNotReady):
        await waits
    served.model.open.set()
    assert await values(first) == [[0]]


async def test_many_clients_get_their_own_rows() -> None:
    served = Served(Doubles(), max_size=16)

    async def client(number: int) -> None:
        for step in range(20):
            value = number * 100 + step
            count = 1 + (number + step) % 5
            rows = [[value]] * count
            doubled = [[value * 2]] * count
            assert await values(served.submit(asks(rows))[0]) == doubled

    await asyncio.gather(*(client(number) for number in range(10)))
    assert max(served.model.sizes) <= 16
    assert len(served.model.sizes) < 200
