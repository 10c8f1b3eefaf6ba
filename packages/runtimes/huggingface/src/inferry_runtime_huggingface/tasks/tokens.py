"""Token classification: which label each token of a text has, and the entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from inferry.errors import ModelLoadError
from inferry.model import Tensor, TensorSpec
from inferry.runtime import options as reading
from inferry.runtime import tensors
from inferry_runtime_huggingface.encoding import Texts
from inferry_runtime_huggingface.tasks import entities, inputs, labels
from inferry_runtime_huggingface.tasks.encoder import EncoderTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from inferry_runtime_huggingface.encoding import TokenIds
    from inferry_runtime_huggingface.tasks.encoder import Batch
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["TokenClassification"]

#: The label of what is no token: the text has fewer than another of the request.
_NO_TOKEN = -100
_ENTITIES = "entities"
#: As KServe's server names the offsets where its option asks for them.
_MAPPING = "offset_mapping"


class TokenClassification(EncoderTask):
    """Gives the index of each token's likeliest label; the rest by name.

    The tokens are those of the model, its own special ones included. ``entities`` is
    the JSON text of a list: runs of tokens of one label, with their place in the text.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    batching = False
    places: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._labels: tuple[str, ...] = ()
        self._form: str | None = None
        self._mapped = False

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Read the labels; some options change the shape of V1's answers."""
        self._labels = labels.names(self.model.config)
        self._form = form = labels.kserve_form(options)
        self._mapped = bool(options.get("returnOffsetsMapping"))
        if self._mapped:
            self._check_mapping(options)
            self.predict_v1: labels.PredictV1 = self._mapped_v1
        elif form is not None:
            self.predict_v1 = labels.by_index(self, form)
        elif reading.listed(options, "outputs") == (_ENTITIES,):
            self.predict_v1 = self._entities_v1

    def default_outputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return ``output-0``, or what KServe's options ask for instead."""
        del options
        first = self._form or inputs.OUTPUT
        return (first, _MAPPING) if self._mapped else (first,)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what there is for each text and each of its tokens."""
        count = len(self._labels)
        places = TensorSpec(name=_MAPPING, datatype="INT64", shape=(-1, -1, 2))
        return (
            # As KServe's server has it, with an axis of 1.
            TensorSpec(name=inputs.OUTPUT, datatype="INT64", shape=(-1, 1, -1)),
            TensorSpec(name=_ENTITIES, datatype="BYTES", shape=(-1,)),
            TensorSpec(name="offsets", datatype="INT64", shape=(-1, -1, 2)),
            TensorSpec(name="scores", datatype="FP32", shape=(-1, -1)),
            TensorSpec(name="probabilities", datatype="FP32", shape=(-1, -1, count)),
            TensorSpec(name="logits", datatype="FP32", shape=(-1, -1, count)),
            *([places] if self._mapped else []),
        )

    async def ask(self, given: Texts | TokenIds) -> Answers:
        """Return what the model makes of *given*, each text with its answer."""
        answers = await super().ask(given)
        if not isinstance(given, Texts):
            return answers
        texted = [
            msgspec.structs.replace(result, text=text)
            for result, text in zip(answers.results, given.texts, strict=True)
        ]
        return msgspec.structs.replace(answers, results=texted)

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return the logits of the tokens of each text."""
        logits = batch.output.logits.float()
        chances = logits.softmax(-1).cpu().numpy()
        logits = logits.cpu().numpy()
        return [
            entities.Tagged(
                logits=logits[index, : len(row.ids)],
                chances=chances[index, : len(row.ids)],
                offsets=row.offsets,
                special=row.special,
            )
            for index, row in enumerate(batch.rows)
        ]

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return *wanted*, padded to the longest text."""
        tagged: Sequence[entities.Tagged] = answers.results
        makers: Mapping[str, Callable[[], NDArray[Any]]] = {
            inputs.OUTPUT: lambda: _padded([one.best[None] for one in tagged], 1),
            _ENTITIES: lambda: tensors.objects(
                [msgspec.json.encode(self._entities(one)) for one in tagged],
                (len(tagged),),
            ),
            "offsets": lambda: _padded([one.places for one in tagged], 0),
            # Padding is at 0, 0, where KServe's tokenizer puts it.
            _MAPPING: lambda: _padded([one.places for one in tagged], 0).clip(min=0),
            "scores": lambda: _padded([one.chances.max(-1) for one in tagged], 0),
            "probabilities": lambda: _padded([one.chances for one in tagged], 0),
            "logits": lambda: _padded([one.logits for one in tagged], 0),
        }
        return {name: self._named(name, makers[name]()) for name in wanted}

    def _named(self, name: str, data: NDArray[Any]) -> Tensor:
        made = tensors.tensor(name, data)
        if name in (_ENTITIES, _MAPPING, "offsets", "scores"):
            return made
        return msgspec.structs.replace(made, parameters={"keys": [*self._labels]})

    def _entities(self, tagged: entities.Tagged) -> list[entities.Entity]:
        return entities.found(tagged, self._labels)

    def _check_mapping(self, options: Mapping[str, Any]) -> None:
        if reading.listed(options, "outputs"):
            raise ModelLoadError(
                "options outputs and returnOffsetsMapping are both set",
                remedy="leave out returnOffsetsMapping, and name offsets in outputs",
            )
        if not self.tokenizer.is_fast:
            raise ModelLoadError(
                "option returnOffsetsMapping is set, and the tokenizer does not "
                "know where tokens are",
                remedy="save the model with a fast tokenizer (tokenizer.json)",
            )

    async def _mapped_v1(self, body: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
        """Answer as KServe's server: the places are a tensor of V2 in V1's answer."""
        answers = await self.ask(Texts(texts=labels.v1_texts(body)))
        first = self._form or inputs.OUTPUT
        made = self.tensors(answers, (first, _MAPPING))
        given, places = made[first], made[_MAPPING]
        return {
            "predictions": labels.keyed(given) if self._form else given.data.tolist(),
            "outputs": [
                {
                    "name": _MAPPING,
                    "datatype": places.datatype,
                    "shape": list(places.data.shape),
                    "data": places.data.ravel().tolist(),
                }
            ],
        }

    async def _entities_v1(self, body: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
        answers = await self.ask(Texts(texts=labels.v1_texts(body)))
        return {
            "predictions": [
                [msgspec.to_builtins(each) for each in self._entities(one)]
                for one in answers.results
            ]
        }


def _padded(rows: Sequence[NDArray[Any]], axis: int) -> NDArray[Any]:
    """Return *rows* as one array, their *axis* as long as the longest has it."""
    if not rows:
        return np.zeros((0,), dtype=np.float32)
    most = max(row.shape[axis] for row in rows)
    padding = 0 if rows[0].dtype.kind == "f" else _NO_TOKEN
    made = []
    for row in rows:
        missing = [(0, 0)] * row.ndim
        missing[axis] = (0, most - row.shape[axis])
        made.append(np.pad(row, missing, constant_values=padding))
    return np.stack(made)
