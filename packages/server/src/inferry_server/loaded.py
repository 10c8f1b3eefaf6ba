"""One model that is loaded: its object, its signature and its turns."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from inferry.errors import InferenceError, ModelNotFound
from inferry.model import InferResponse, ModelMetadata
from inferry_server.codec import signature
from inferry_server.errors import Unsupported
from inferry_server.execution import ASYNC_CONCURRENCY, Execution

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.model import InferRequest
    from inferry_server.states import ModelSpec

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
        observe_wait: Callable[[float], None] | None = None,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.instance = instance
        self.metadata = metadata
        self.execution = Execution(
            spec.name,
            concurrency=_concurrency(spec, instance),
            queue_size=queue_size,
            observe_wait=observe_wait,
        )
        #: What is known of the outputs: declared, or seen in an answer.
        self.outputs = tuple(output.name for output in metadata.outputs)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that a path may name; ``1`` where the model declares none."""
        return self.metadata.versions or (DEFAULT_VERSION,)

    @property
    def takes_raw_v1(self) -> bool:
        """Whether the model wants the body of V1 as it is."""
        return hasattr(self.instance, "predict_v1")

    @property
    def checks_inputs(self) -> bool:
        """Whether the model checks and converts its inputs by itself."""
        return bool(getattr(self.instance, "checks_inputs", False))

    def check_version(self, version: str | None) -> None:
        """Refuse a *version* that the model has not.

        Raises:
            ModelNotFound: Naming the versions that there are.

        """
        if version is not None and version not in self.versions:
            raise ModelNotFound(
                f"model {self.name!r} has no version {version!r}; it has "
                f"{', '.join(self.versions)}"
            )

    async def predict(self, request: InferRequest) -> InferResponse:
        """Answer *request* when its turn comes, with the outputs it asks for."""
        return await self._infer(self.instance.predict, request)

    async def explain(self, request: InferRequest) -> InferResponse:
        """Explain *request*.

        Raises:
            Unsupported: The model has no ``explain``.

        """
        explain = getattr(self.instance, "explain", None)
        if explain is None:
            raise Unsupported(f"model {self.name!r} has no explain")
        return await self._infer(explain, request)

    async def predict_v1(self, body: object, deadline: float | None) -> Any:  # noqa: ANN401 - any JSON
        """Hand the body of V1 to the model that wants it so."""
        return await self.execution.call(
            self.instance.predict_v1, body, deadline=deadline
        )

    async def _infer(
        self, function: Callable[[InferRequest], Any], request: InferRequest
    ) -> InferResponse:
        signature.check_requested(request.outputs, self.outputs, self.name)
        answer = await self.execution.call(function, request, deadline=request.deadline)
        response = signature.check_response(answer, self.name)
        return self._selected(response, request.outputs)

    def _selected(
        self, response: InferResponse, wanted: tuple[str, ...]
    ) -> InferResponse:
        if not wanted:
            return response
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


def _concurrency(spec: ModelSpec, instance: object) -> int:
    predict = getattr(instance, "predict", None)
    default = ASYNC_CONCURRENCY if inspect.iscoroutinefunction(predict) else 1
    own = getattr(instance, "max_concurrency", None)
    limit = own if isinstance(own, int) and own > 0 else default
    return min(limit, spec.concurrency) if spec.concurrency > 0 else limit
