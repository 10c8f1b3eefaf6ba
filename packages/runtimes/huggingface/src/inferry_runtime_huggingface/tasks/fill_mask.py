"""Masked words: what stands where a text has the mask token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.runtime import options as reading
from inferry.runtime import tensors
from inferry_runtime_huggingface.tasks import inputs, labels
from inferry_runtime_huggingface.tasks.encoder import EncoderTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from inferry_runtime_huggingface.tasks.encoder import Batch
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["FillMask"]


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """The likeliest tokens of each mask of one text, best first: [masks, topK]."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class FillMask(EncoderTask):
    """Gives the likeliest word; by name the best ``tokens`` with ``scores``.

    A text may have several masks: their words are joined in ``output-0``, and one axis
    of ``tokens`` and ``scores``.
    """

    auto_class: ClassVar[str] = "AutoModelForMaskedLM"
    batching = False

    def __init__(self) -> None:
        super().__init__()
        self._most = 1
        self._mask = 0
        self._form = ""

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Find the token that masks words.

        Raises:
            ModelLoadError: There is none, or an option does not fit.

        """
        if self.tokenizer.mask_token_id is None:
            raise ModelLoadError(
                f"the tokenizer in {self.folder.path} has no mask token",
                remedy="set the option task to what the model was trained for",
            )
        self._mask = int(self.tokenizer.mask_token_id)
        asked = reading.count(options, "topK", 5)
        self._most = min(asked, int(self.model.config.vocab_size))
        self._form = labels.kserve_form(options) or ""

    def default_outputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return ``output-0``, or the best tokens where KServe's options are set."""
        del options
        return ("tokens", "scores") if self._form else (inputs.OUTPUT,)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return the word, and the best of each mask."""
        shape = (-1, -1, self._most)
        return (
            TensorSpec(name=inputs.OUTPUT, datatype="BYTES", shape=(-1,)),
            TensorSpec(name="tokens", datatype="BYTES", shape=shape),
            TensorSpec(name="token_ids", datatype="INT64", shape=shape),
            TensorSpec(name="scores", datatype="FP32", shape=shape),
        )

    def warm_up(self) -> InferRequest:
        """Return a text that is nothing but a mask."""
        text = tensors.objects([self.tokenizer.mask_token.encode()], (1,))
        return InferRequest(
            inputs=(Tensor(name=inputs.INPUT, datatype="BYTES", data=text),)
        )

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return the likeliest tokens of each mask."""
        found = []
        for index in range(len(batch.rows)):
            places = (batch.ids[index] == self._mask).nonzero()[:, 0]
            logits = batch.output.logits[index, places].float()
            values = logits if self._form == "logits" else logits.softmax(-1)
            scores, ids = values.topk(self._most, dim=-1)
            found.append(Filled(ids=ids.cpu().numpy(), scores=scores.cpu().numpy()))
        return found

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return *wanted*, with empty tokens where a text has fewer masks.

        Raises:
            InvalidInput: A text has no mask.

        """
        found: Sequence[Filled] = answers.results
        for index, each in enumerate(found):
            if not len(each.ids):
                raise InvalidInput(
                    f"text {index} has no {self.tokenizer.mask_token}",
                    remedy="put it where a word is sought",
                )
        makers: Mapping[str, Callable[[], Tensor]] = {
            inputs.OUTPUT: lambda: self._words(found),
            "tokens": lambda: self._tokens(found),
            "token_ids": lambda: tensors.tensor(
                "token_ids", _padded([each.ids for each in found], -1)
            ),
            "scores": lambda: tensors.tensor(
                "scores", _padded([each.scores for each in found], 0)
            ),
        }
        return {name: makers[name]() for name in wanted}

    def _words(self, found: Sequence[Filled]) -> Tensor:
        words = [self.tokenizer.decode(each.ids[:, 0]).encode() for each in found]
        data = tensors.objects(words, (len(words),))
        return Tensor(name=inputs.OUTPUT, datatype="BYTES", data=data)

    def _tokens(self, found: Sequence[Filled]) -> Tensor:
        ids = _padded([each.ids for each in found], -1)
        known = sorted(set(ids.ravel().tolist()) - {-1})
        texts = {each: self.tokenizer.decode([each]).encode() for each in known}
        flat = [texts.get(each, b"") for each in ids.ravel().tolist()]
        return Tensor(
            name="tokens", datatype="BYTES", data=tensors.objects(flat, ids.shape)
        )


def _padded(rows: Sequence[NDArray[Any]], padding: int) -> NDArray[Any]:
    """Return *rows* as one array, with *padding* for the masks that one lacks."""
    most = max(len(row) for row in rows)
    return np.stack(
        [
            np.pad(row, ((0, most - len(row)), (0, 0)), constant_values=padding)
            for row in rows
        ]
    )
