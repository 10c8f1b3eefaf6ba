"""What all tasks of an encoder share: one model, asked in batches by its worker."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import torch

from inferry.errors import InferenceError, InvalidInput
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry.runtime import options as reading
from inferry.runtime import tensors
from inferry.runtime.outputs import wanted
from inferry_runtime_huggingface._loading import (
    load_model,
    load_tokenizer,
    memory_of,
)
from inferry_runtime_huggingface.encoding import Encoding, longest
from inferry_runtime_huggingface.tasks import feeding, inputs
from inferry_runtime_huggingface.worker import Limits, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.encoding import Row, Texts, TokenIds
    from inferry_runtime_huggingface.folder import ModelFolder
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["Batch", "EncoderTask"]

#: Tokens of one batch, with padding: what keeps the device busy and little more.
_TOKENS = {"cpu": 4096, "cuda": 65536}
_ROWS = {"cpu": 64, "cuda": 512}
#: Requests that may be in the worker's hands; the rest waits at the server.
_CONCURRENCY = 256


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the model gave; ``mask`` is 1 for tokens and 0 for padding."""

    rows: Sequence[Row]
    ids: torch.Tensor
    mask: torch.Tensor
    output: Any


class EncoderTask:
    """One task of an encoder; a task says which model it takes and what comes out."""

    auto_class: ClassVar[str]
    #: Whether all outputs have one shape for each row, whatever the other rows are.
    batching: bool = True
    #: Whether the places of the tokens in the text are asked for.
    places: ClassVar[bool] = False
    max_concurrency = _CONCURRENCY

    def __init__(self) -> None:
        self.openai: Mapping[Operation, Answerer] = {}
        self.memory = 0
        self.max_length = 0
        self.folder: ModelFolder
        self.model: Any = None
        self.tokenizer: Any = None
        self._worker: Worker
        self._fed: frozenset[str] = frozenset()
        self._more: Mapping[str, bool] = {}
        self._default: tuple[str, ...] = ()
        self._padding = 0
        self._vocabulary = 0

    def load(self, folder: ModelFolder, options: Mapping[str, Any]) -> None:
        """Load tokenizer and weights, and start the worker.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        self.folder = folder
        self.tokenizer = load_tokenizer(
            folder,
            **({"do_lower_case": False} if options.get("disableLowerCase") else {}),
        )
        self.model = load_model(folder, options, self.auto_class)
        self.memory = memory_of(self.model)
        self.max_length = longest(folder, self.tokenizer, options)
        self._fed = feeding.given_names(options, self.model)
        if "use_cache" in inspect.signature(self.model.forward).parameters:
            self._more = {"use_cache": False}
        self._padding = _padding(self.tokenizer, self.model)
        self._vocabulary = int(self.model.get_input_embeddings().weight.shape[0])
        self.prepare(options)
        self._default = self._chosen(options)
        self._worker = Worker(
            self._encoding(options), self._compute, limits=self._limits(options)
        )

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Take what the task itself needs from *options* and ``self.folder``."""

    def default_outputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the outputs of a request that names none."""
        del options
        return (inputs.OUTPUT,)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return all outputs that there are; the first is KServe's."""
        raise NotImplementedError

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return one result for each row of *batch*; runs in the worker's thread."""
        raise NotImplementedError

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the outputs *wanted*, made of results."""
        raise NotImplementedError

    def given(self, request: InferRequest) -> Texts | TokenIds:
        """Return what *request* asks about.

        Raises:
            InvalidInput: It has not the inputs that the task takes.

        """
        return inputs.texts_or_ids(request.inputs)

    def metadata(self) -> ModelMetadata:
        """Return the one input that all clients know, and the default outputs first."""
        return ModelMetadata(
            inputs=(TensorSpec(name=inputs.INPUT, datatype="BYTES", shape=(-1,)),),
            outputs=self.outputs(),
            platform="huggingface_transformers",
        )

    def warm_up(self) -> InferRequest:
        """Return a text of one word; of none, some tokenizers make no token."""
        text = tensors.objects([b"warm"], (1,))
        return InferRequest(
            inputs=(Tensor(name=inputs.INPUT, datatype="BYTES", data=text),)
        )

    async def predict(self, request: InferRequest) -> InferResponse:
        """Answer *request* with the outputs that it names, or the default ones.

        Raises:
            InvalidInput: It does not fit, naming the input.

        """
        wanted = self._wanted(request.outputs)
        answers = await self.ask(self.given(request))
        made = self.tensors(answers, wanted)
        parameters = {"truncated_texts": answers.cut} if answers.cut else {}
        return InferResponse(
            outputs=tuple(made[name] for name in wanted), parameters=parameters
        )

    async def ask(self, given: Texts | TokenIds) -> Answers:
        """Return what the model makes of *given*, batched with whoever else asks."""
        return await self._worker.submit(given)

    @property
    def why_unhealthy(self) -> str:
        """What keeps the model from answering ever again; empty while it can."""
        return self._worker.why_unhealthy

    def metrics(self) -> Mapping[str, float]:
        """Return what waits and what was computed."""
        return self._worker.metrics()

    def unload(self) -> None:
        """Stop the worker and free the model."""
        self._worker.close()
        self.model = None

    def _chosen(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        asked = reading.listed(options, "outputs")
        try:
            return self._wanted(asked) if asked else self.default_outputs(options)
        except InvalidInput as error:
            raise inputs.wrong_option("outputs", error) from None

    def _wanted(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            return self._default
        return wanted(names, [spec.name for spec in self.outputs()])

    def _encoding(self, options: Mapping[str, Any]) -> Encoding:
        saved = self.folder.document("sentence_bert_config.json")
        return Encoding(
            self.tokenizer,
            max_length=self.max_length,
            vocabulary=self._vocabulary,
            truncate=bool(options.get("truncate", True)),
            special_tokens=not options.get("disableSpecialTokens"),
            lower_case=bool(saved.get("do_lower_case")),
            places=self.places,
        )

    def _compute(self, rows: Sequence[Row]) -> Sequence[Any]:
        with torch.inference_mode():
            return self.results(self._run(rows))

    def _run(self, rows: Sequence[Row]) -> Batch:
        shape = (len(rows), max(len(row.ids) for row in rows))
        ids: NDArray[np.int64] = np.full(shape, self._padding, dtype=np.int64)
        mask: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        types: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        for index, row in enumerate(rows):
            size = len(row.ids)
            ids[index, :size] = row.ids
            mask[index, :size] = 1
            if row.types:
                types[index, :size] = row.types
        if (most := int(ids.max())) >= self._vocabulary:
            # On a GPU, such an index would be the end of the process.
            raise InferenceError(
                f"the tokenizer gives the token {most}, the model has "
                f"{self._vocabulary}: they are not of one model"
            )
        made = {feeding.IDS: ids, feeding.MASK: mask, feeding.TYPES: types}
        # The mask is here for whoever pools, though the model may not get it.
        there = {
            name: torch.from_numpy(each).to(self.model.device)
            for name, each in made.items()
            if name in self._fed or name == feeding.MASK
        }
        fed = {name: there[name] for name in there if name in self._fed}
        return Batch(
            rows=rows,
            ids=there[feeding.IDS],
            mask=there[feeding.MASK],
            output=self.model(**fed, **self._more),
        )

    def _limits(self, options: Mapping[str, Any]) -> Limits:
        kind = self.model.device.type
        return Limits(
            tokens=reading.count(options, "maxBatchTokens", _TOKENS[kind]),
            rows=reading.count(options, "maxBatchSize", _ROWS[kind]),
            # A model that does not see what is padding would take it for text.
            padding=feeding.MASK in self._fed,
        )


def _padding(tokenizer: Any, model: Any) -> int:  # noqa: ANN401 - as transformers
    """Return the token to pad with; a model that looks for it gets it told."""
    known = (tokenizer.pad_token_id, model.config.pad_token_id, tokenizer.eos_token_id)
    found = next((int(each) for each in known if each is not None), 0)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = found
    return found
