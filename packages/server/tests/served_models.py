"""Models that the tests serve, by target ``served_models:Class``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
    Upstream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Echo:
    """Gives back its inputs; declares nothing."""

    def load(self, path: str, options: dict[str, Any]) -> None:
        self.options = options
        self.unloaded = False

    def predict(self, request: InferRequest) -> InferResponse:
        return InferResponse(outputs=request.inputs)

    def unload(self) -> None:
        self.unloaded = True


class Iris(Echo):
    """Sums rows of four."""

    def metadata(self) -> ModelMetadata:
        return ModelMetadata(
            inputs=(TensorSpec(name="input", datatype="FP32", shape=(-1, 4)),),
            outputs=(TensorSpec(name="sum", datatype="FP32", shape=(-1,)),),
            platform="test",
        )

    def predict(self, request: InferRequest) -> InferResponse:
        total = request.inputs[0].data.sum(axis=1)
        return InferResponse(outputs=(Tensor(name="sum", datatype="FP32", data=total),))


class Heavy(Iris):
    """Says that it holds ``memory`` bytes; counts how often each one was loaded."""

    loads: ClassVar[list[str]] = []

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        type(self).loads.append(options["name"])
        self.memory = options["memory"]

    def predict(self, request: InferRequest) -> InferResponse:
        time.sleep(self.options.get("seconds", 0))
        return super().predict(request)


class Crashing(Iris):
    """Ends its process as native code does where a number is negative."""

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        if options.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)

    def predict(self, request: InferRequest) -> InferResponse:
        if (request.inputs[0].data < 0).any():
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(5)  # the signal may take another thread of this process
        return super().predict(request)


class Pid(Echo):
    """Tells its process, over V2 and by the raw body of V1."""

    def warm_up(self) -> None:
        return None

    def predict(self, request: InferRequest) -> InferResponse:
        pid = np.array([os.getpid()], dtype="int64")
        return InferResponse(outputs=(Tensor(name="pid", datatype="INT64", data=pid),))

    async def predict_v1(self, body: Any) -> Any:
        return {"pid": os.getpid(), **body}


class RowWise(Iris):
    """Takes rows of several requests at a time."""

    batching = True


class ChecksInputs(Iris):
    """Takes any type of number, though its metadata says FP32."""

    checks_inputs = True

    def predict(self, request: InferRequest) -> InferResponse:
        total = request.inputs[0].data.sum(axis=1).astype("float32")
        return InferResponse(outputs=(Tensor(name="sum", datatype="FP32", data=total),))


class Quick(Iris):
    """Takes no longer than its inputs are large, so the server may call it inline."""

    inline = True

    def predict(self, request: InferRequest) -> InferResponse:
        if request.inputs[0].data[0, 0] < 0:
            raise InvalidInput("negative")
        return super().predict(request)

    def explain(self, request: InferRequest) -> InferResponse:
        return super().predict(request)


class SlowRows(Iris):
    """The same, slowly, and for many requests at once; refuses negative numbers."""

    batching = True
    sizes: ClassVar[list[int]] = []

    def predict(self, request: InferRequest) -> InferResponse:
        data = request.inputs[0].data
        if request.id != "warm-up":
            type(self).sizes.append(len(data))
            time.sleep(0.05)
        if (data < 0).any():
            raise InvalidInput("negative")
        return super().predict(request)


class Pair(Echo):
    """Two inputs, two outputs."""

    def metadata(self) -> ModelMetadata:
        return ModelMetadata(
            inputs=(
                TensorSpec(name="text", datatype="BYTES", shape=(-1,)),
                TensorSpec(name="size", datatype="INT32", shape=(-1, 1)),
            ),
            outputs=(
                TensorSpec(name="text", datatype="BYTES", shape=(-1,)),
                TensorSpec(name="size", datatype="INT32", shape=(-1, 1)),
            ),
            versions=("1", "2"),
        )

    def explain(self, request: InferRequest) -> InferResponse:
        return InferResponse(outputs=request.inputs[:1])


class Slow(Echo):
    """Takes ``seconds`` for each call, in a thread; counts calls."""

    calls = 0
    active = 0
    most_active = 0
    lock = threading.Lock()

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        type(self).calls = 0
        type(self).most_active = 0

    def warm_up(self) -> None:
        return None

    def predict(self, request: InferRequest) -> InferResponse:
        with self.lock:
            cls = type(self)
            cls.calls += 1
            cls.active += 1
            cls.most_active = max(cls.most_active, cls.active)
        time.sleep(self.options.get("seconds", 0.2))
        with self.lock:
            cls.active -= 1
        return super().predict(request)


class ThreadSafe(Slow):
    max_concurrency = 3


class SlowAsync(Echo):
    """The same on the loop."""

    cancelled = 0

    def warm_up(self) -> None:
        return None

    async def predict(self, request: InferRequest) -> InferResponse:
        try:
            await asyncio.sleep(self.options.get("seconds", 0.2))
        except asyncio.CancelledError:
            type(self).cancelled += 1
            raise
        return super().predict(request)


class RawV1(Echo):
    """Wants the body of V1 as it is."""

    def predict_v1(self, body: Any) -> Any:
        return {"predictions": [body]}


class Raises(Echo):
    """Raises what ``options`` name, where they say."""

    errors: ClassVar = {
        "exit": SystemExit(3),
        "import": ModuleNotFoundError("No module named 'lightning'", name="lightning"),
        "input": InvalidInput("input 'x' is not what I want"),
        "load": ModelLoadError(
            "bad magic", reason="ModelCorrupt", remedy="save it again"
        ),
        "memory": MemoryError(),
        "stop": StopIteration(),
        "value": ValueError("a secret\nin two lines"),
    }

    def _maybe(self, where: Any) -> None:
        what = self.options.get(where)
        if what:
            raise self.errors[what]

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        self._maybe("load")

    def warm_up(self) -> InferRequest | None:
        self._maybe("warm_up")
        tensor = Tensor(name="x", datatype="FP32", data=np.zeros(1, np.float32))
        return InferRequest(inputs=(tensor,), id="warm-up")

    def predict(self, request: InferRequest) -> InferResponse:
        if request.id != "warm-up":
            self._maybe("predict")
        else:
            self._maybe("first")
        return super().predict(request)


class Escapes(Echo):
    """Raises what no ``except Exception`` catches, where its input is negative."""

    inline = True
    errors: ClassVar = {
        "cancelled": asyncio.CancelledError,
        "exit": SystemExit,
        "generator": GeneratorExit,
        "own": type("OwnError", (BaseException,), {}),
    }

    def predict(self, request: InferRequest) -> InferResponse:
        if (request.inputs[0].data < 0).any():
            raise self.errors[self.options["what"]]
        return super().predict(request)


class EscapesInThread(Escapes):
    inline = False


class EscapesBatched(Escapes):
    batching = True


class EscapesAsync(Escapes):
    async def predict(self, request: InferRequest) -> InferResponse:  # type: ignore[override]
        return super().predict(request)

    async def stream(self, request: InferRequest) -> AsyncIterator[InferResponse]:
        yield await self.predict(request)


class Turns(Echo):
    """Answers with the milliseconds after which Python lets another thread run."""

    def predict(self, request: InferRequest) -> InferResponse:
        data = np.array([sys.getswitchinterval() * 1000], np.float64).round(3)
        return InferResponse(outputs=(Tensor(name="t", datatype="FP64", data=data),))


class RefusesZeros(Iris):
    def predict(self, request: InferRequest) -> InferResponse:
        if not request.inputs[0].data.any():
            raise InvalidInput("zeros are no measurement")
        return super().predict(request)


class WrongAnswer(Echo):
    def predict(self, request: InferRequest) -> InferResponse:
        answers = {
            "dict": {"outputs": []},
            "dtype": InferResponse(
                outputs=(Tensor(name="y", datatype="FP32", data=np.zeros(1)),)
            ),
        }
        return answers[self.options["answer"]]


class Hangs(Echo):
    """Never ends its load."""

    def load(self, path: str, options: dict[str, Any]) -> None:
        time.sleep(3600)


class SlowLoad(Echo):
    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        time.sleep(options.get("load_seconds", 0.3))


class NoPredict:
    def load(self, path: str, options: dict[str, Any]) -> None:
        pass


class Versioned(Echo):
    """Answers with the number in its options."""

    def load(self, path: str, options: dict[str, Any]) -> None:
        super().load(path, options)
        if options.get("broken"):
            raise ValueError("broken")

    def predict(self, request: InferRequest) -> InferResponse:
        data = np.array([int(self.options["number"])], np.int64)
        return InferResponse(outputs=(Tensor(name="n", datatype="INT64", data=data),))


class Logs(Echo):
    """Writes to the log of this module, in a thread."""

    def warm_up(self) -> None:
        return None

    def predict(self, request: InferRequest) -> InferResponse:
        logging.getLogger(__name__).warning("predicting")
        return super().predict(request)


class LogsAsync(Logs):
    """The same on the loop."""

    async def predict(self, request: InferRequest) -> InferResponse:  # type: ignore[override]
        return super().predict(request)


class Counter(Echo):
    """Streams numbers up to ``count``; ten at most."""

    closed = asyncio.Event()

    def metadata(self) -> ModelMetadata:
        return ModelMetadata(
            inputs=(TensorSpec(name="count", datatype="INT32", shape=(1,)),),
            outputs=(TensorSpec(name="n", datatype="INT32", shape=(1,)),),
        )

    def warm_up(self) -> None:
        return None

    async def stream(self, request: InferRequest) -> AsyncIterator[InferResponse]:
        count = int(request.inputs[0].data[0])
        if count < 0:
            raise InvalidInput("count is negative")
        try:
            for number in range(count):
                if number == 10:
                    raise InvalidInput("ten is enough")
                data = np.array([number], np.int32)
                yield InferResponse(
                    outputs=(Tensor(name="n", datatype="INT32", data=data),)
                )
                await asyncio.sleep(request.parameters.get("pause", 0))
        finally:
            self.closed.set()


class Spans(Echo):
    """Makes a span of its own."""

    def warm_up(self) -> None:
        return None

    def predict(self, request: InferRequest) -> InferResponse:
        from opentelemetry import trace

        with trace.get_tracer("user").start_as_current_span("own"):
            time.sleep(0.01)
        return super().predict(request)


class SpansAsync(Spans):
    async def predict(self, request: InferRequest) -> InferResponse:  # type: ignore[override]
        from opentelemetry import trace

        with trace.get_tracer("user").start_as_current_span("own"):
            await asyncio.sleep(0.01)
        return InferResponse(outputs=request.inputs)


class Injects(Spans):
    """Answers with the header that the next service would get."""

    def predict(self, request: InferRequest) -> InferResponse:
        from opentelemetry import propagate

        headers: dict[str, str] = {}
        propagate.inject(headers)
        data = np.array([headers["traceparent"].encode()], object)
        return InferResponse(outputs=(Tensor(name="h", datatype="BYTES", data=data),))


class Reads(Echo):
    """Reads ``a.txt`` of its folder, if there is one."""

    def load(self, path: Path, options: dict[str, Any]) -> None:
        super().load(path, options)
        file = path / "a.txt"
        self.text = file.read_text() if file.exists() else "nothing"
        if self.text == "fail":
            raise ModelLoadError("no good file")


class Overwrites(Echo):
    """Works in the memory of its inputs, where it may."""

    def predict(self, request: InferRequest) -> InferResponse:
        data = request.inputs[0].data
        if data.flags.writeable:
            data[:] = 0
        return super().predict(request)


class Headers(Echo):
    """Answers with the headers that reach it."""

    def predict(self, request: InferRequest) -> InferResponse:
        data = np.array([str(dict(request.headers)).encode()], object)
        return InferResponse(outputs=(Tensor(name="h", datatype="BYTES", data=data),))


class Doubles(Echo):
    """Answers with twice as many values."""

    def predict(self, request: InferRequest) -> InferResponse:
        first = request.inputs[0]
        data = np.concatenate([first.data, first.data])
        twice = Tensor(name="y", datatype=first.datatype, data=data)
        return InferResponse(outputs=(twice,))


class Fixed(Echo):
    """Takes one shape only."""

    def metadata(self) -> ModelMetadata:
        spec = TensorSpec(name="x", datatype="FP32", shape=(3, 2))
        return ModelMetadata(inputs=(spec,), outputs=(spec,))


class Passed(Echo):
    """Has a server of its own, which the options name."""

    why_unhealthy = ""

    def warm_up(self) -> None:
        return None

    @property
    def upstream(self) -> Upstream:
        options = self.options
        return Upstream(
            http=options["http"],
            grpc=options["grpc"],
            name=options["name"],
            names=frozenset(options["names"].split()),
        )
