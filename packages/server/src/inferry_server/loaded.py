"""One model that is loaded: its object, its signature and its turns."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from inferry.errors import InferenceError, InvalidInput, ModelNotFound
from inferry.generation import Generation
from inferry.model import InferRequest, InferResponse, ModelMetadata
from inferry_server.batching import Batcher
from inferry_server.codec import signature
from inferry_server.errors import Unsupported
from inferry_server.execution import ASYNC_CONCURRENCY, Execution
from inferry_server.openai_calls import OpenAICalls, checked_answerers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from inferry.model import Tensor
    from inferry_server.calls import Call
    from inferry_server.passing.passing import Passing
    from inferry_server.states import ModelSpec

    Answer: TypeAlias = InferResponse | Awaitable[InferResponse]

DEFAULT_VERSION = "1"


class LoadedModel:
    """What `inferry_server.loading` makes and the protocols call."""

    def __init__(
        self,
        spec: ModelSpec,
        instance: Any,  # noqa: ANN401 - any class with the methods of Model
        metadata: ModelMetadata,
        *,
        queue_size: int,
        forwarded_headers: tuple[str, ...] = (),
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.instance = instance
        self.metadata = metadata
        #: Bytes that it holds, as it says itself or as the process grew by it.
        self.memory = 0
        self.execution = Execution(
            spec.name,
            concurrency=_concurrency(spec, instance),
            queue_size=queue_size,
            trusted=bool(getattr(instance, "inline", False)),
        )
        #: What takes its V2 requests to a server that it has of its own.
        self.passing = self._make_passing(queue_size, forwarded_headers)
        self.openai = OpenAICalls(spec.name, checked_answerers(instance, spec.name))
        self._batcher = self._make_batcher(queue_size)
        self._forwarded = forwarded_headers
        self._inputs = signature.Inputs(metadata, spec.name)
        self._checks_inputs = bool(getattr(instance, "checks_inputs", False))
        #: Whether the model wants the body of V1 as it is.
        self.takes_raw_v1 = hasattr(instance, "predict_v1")
        self._newest = self.versions[-1]
        # Of an input of one fixed shape the first dimension counts no items.
        first = metadata.inputs[0].shape[:1] if metadata.inputs else (-1,)
        self._has_rows = first == (-1,)
        #: What is known of the outputs: declared, or seen in an answer.
        self.outputs = tuple(output.name for output in metadata.outputs)

    def _make_batcher(self, queue_size: int) -> Batcher | None:
        if self.spec.batching is None or not getattr(self.instance, "batching", False):
            return None
        return Batcher(
            self.name,
            partial(self.execution.call, self.instance.predict),
            self.spec.batching,
            concurrency=self.execution.concurrency,
            queue_size=queue_size,
        )

    def _make_passing(
        self, queue_size: int, headers: tuple[str, ...]
    ) -> Passing | None:
        if not hasattr(type(self.instance), "upstream"):
            return None
        # It needs gRPC, which few servers have to load.
        from inferry_server.passing.passing import Passing

        return Passing(
            self.name,
            self.instance,
            concurrency=self.execution.concurrency,
            queue_size=queue_size,
            headers=headers,
        )

    @property
    def note(self) -> str:
        """What its owner should know of how it is served; mostly empty."""
        if self.spec.batching is not None and self._batcher is None:
            return (
                "requests are not batched: the model does not declare that its rows "
                "are independent of each other (batching = True)"
            )
        return ""

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        batched = 0 if self._batcher is None else self._batcher.waiting
        passed = 0 if self.passing is None else self.passing.waiting
        return self.execution.waiting + batched + passed

    @property
    def generation(self) -> Generation | None:
        """What it says of the texts that it generates; None where it tells nothing."""
        found = getattr(self.instance, "generation", None)
        return found if isinstance(found, Generation) else None

    @property
    def is_busy(self) -> bool:
        """Whether it has calls."""
        passed = 0 if self.passing is None else self.passing.running
        running = self.execution.running + self.openai.running + passed
        return bool(running or self.waiting)

    async def close(self, patience: float | None) -> bool:
        """Refuse new calls and wait for those there are; False if some still run."""
        if self._batcher is not None:
            await self._batcher.close(patience)
        if self.passing is not None and not await self.passing.close(patience):
            return False
        return all(
            await asyncio.gather(
                self.execution.close(patience), self.openai.close(patience)
            )
        )

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that a path may name; ``1`` where the model declares none."""
        return self.metadata.versions or (DEFAULT_VERSION,)

    @property
    def why_unhealthy(self) -> str:
        """What keeps a loaded model from being ready, such as a predictor behind it."""
        return str(getattr(self.instance, "why_unhealthy", ""))

    def check_version(self, version: str | None) -> None:
        """Refuse a *version* that the model has not.

        Raises:
            ModelNotFound: Naming the versions that there are.

        """
        if self.passing is not None:
            return  # that server knows
        if version is not None and version not in self.versions:
            raise ModelNotFound(
                f"model {self.name!r} has no version {version!r}; it has "
                f"{', '.join(self.versions)}"
            )

    def shown_version(self, asked: str | None) -> str:
        """Return the version that an answer names: *asked*, else the newest."""
        return asked or self._newest

    def request(
        self,
        inputs: tuple[Tensor, ...],
        call: Call,
        *,
        outputs: tuple[str, ...] = (),
        parameters: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - as InferRequest has it
        version: str | None = None,
    ) -> InferRequest:
        """Return the request of *call* with inputs that fit the model.

        Raises:
            InvalidInput: They do not, naming the input.

        """
        if not self._checks_inputs:
            inputs = self._inputs.check(inputs)
        if not inputs:
            raise InvalidInput(f"model {self.name!r}: the request has no inputs")
        return InferRequest(
            inputs=inputs,
            outputs=outputs,
            parameters=parameters or {},
            headers=self._headers(call) if self._forwarded else {},
            id=id,
            model_name=self.name,
            model_version=version,
            deadline=call.deadline,
        )

    def _headers(self, call: Call) -> dict[str, str]:
        given = call.headers
        return {name: given[name] for name in self._forwarded if name in given}

    def predict(self, request: InferRequest, call: Call) -> Answer:
        """Answer *request* when its turn comes, with the outputs it asks for."""
        if self._batcher is None:
            return self._infer(self.instance.predict, request, call)
        if request.outputs:
            signature.check_requested(request.outputs, self.outputs, self.name)
        call.rows = _rows(request)
        return self._later(self._batcher.submit(request, call), request.outputs)

    def explain(self, request: InferRequest, call: Call) -> Answer:
        """Explain *request*.

        Raises:
            Unsupported: The model has no ``explain``.

        """
        explain = getattr(self.instance, "explain", None)
        if explain is None:
            raise Unsupported(
                f"model {self.name!r} has no explain; write that method in its class, "
                "or put an explainer in front of it"
            )
        call.explains = True
        return self._infer(explain, request, call)

    def stream(
        self, request: InferRequest, call: Call
    ) -> AsyncGenerator[InferResponse, None]:
        """Yield the responses to *request*, one where the model does not stream."""
        if request.outputs:
            signature.check_requested(request.outputs, self.outputs, self.name)
        stream = getattr(self.instance, "stream", None)
        return self._stream(stream, request, call)

    async def _stream(
        self,
        stream: Callable[[InferRequest], Any] | None,
        request: InferRequest,
        call: Call,
    ) -> AsyncGenerator[InferResponse, None]:
        if stream is None:
            answer = self.predict(request, call)
            yield await answer if isinstance(answer, Awaitable) else answer
            return
        answers = self.execution.stream(stream, request, call)
        async with contextlib.aclosing(answers):
            async for answer in answers:
                yield self._checked(answer, request.outputs)

    def predict_v1(self, body: object, call: Call) -> Any | Awaitable[Any]:  # noqa: ANN401 - any JSON
        """Hand the body of V1 to the model that wants it so."""
        function = self.instance.predict_v1
        if hasattr(self.instance, "predict_v1_of"):  # a component passes headers on
            function = self.instance.predict_v1_of(self._headers(call), call.deadline)
        return self.execution.call(function, body, call)

    def _infer(
        self,
        function: Callable[[InferRequest], Any],
        request: InferRequest,
        call: Call,
    ) -> Answer:
        if request.outputs:
            signature.check_requested(request.outputs, self.outputs, self.name)
        if self._has_rows:
            call.rows = _rows(request)
        answer = self.execution.call(function, request, call)
        if type(answer) is not InferResponse and isinstance(answer, Awaitable):
            return self._later(answer, request.outputs)
        return self._checked(answer, request.outputs)

    async def _later(
        self, answer: Awaitable[Any], wanted: tuple[str, ...]
    ) -> InferResponse:
        return self._checked(await answer, wanted)

    def _checked(self, answer: object, wanted: tuple[str, ...]) -> InferResponse:
        response = signature.check_response(answer, self.name)
        return self._selected(response, wanted) if wanted else response

    def _selected(
        self, response: InferResponse, wanted: tuple[str, ...]
    ) -> InferResponse:
        given = {tensor.name: tensor for tensor in response.outputs}
        if not self.outputs:
            signature.check_requested(wanted, given, self.name)
        missing = [name for name in wanted if name not in given]
        if missing:
            raise InferenceError(
                f"model {self.name!r} declares the output {missing[0]!r} but did not "
                "give it"
            )
        return InferResponse(
            outputs=tuple(given[name] for name in wanted),
            parameters=response.parameters,
        )


def _rows(request: InferRequest) -> int:
    data = request.inputs[0].data if request.inputs else None
    return data.shape[0] if data is not None and data.ndim and data.size else 1


def _concurrency(spec: ModelSpec, instance: object) -> int:
    predict = getattr(instance, "predict", None)
    default = ASYNC_CONCURRENCY if inspect.iscoroutinefunction(predict) else 1
    own = getattr(instance, "max_concurrency", None)
    limit = own if isinstance(own, int) and own > 0 else default
    return min(limit, spec.concurrency) if spec.concurrency > 0 else limit
