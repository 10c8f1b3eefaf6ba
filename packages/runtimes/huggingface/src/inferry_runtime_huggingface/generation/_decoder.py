"""The model as the engine calls it: prompts in, then one step for all that run."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from inferry_runtime_huggingface.generation._prefill import Prefill
from inferry_runtime_huggingface.generation._slots import Slots

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_FULL = {"full_attention"}
_PROBES = ((3, 7, 2, 9, 4), (5, 1, 8))
_TOLERANCE = 0.02


class Decoder:
    """Runs *model* for a batch whose rows come and go."""

    #: An answer goes on where its prompt ends.
    continues = True

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any causal LM of transformers
        self._model = model
        self._device = model.device
        self._takes = set(inspect.signature(model.forward).parameters)
        #: How many token ids there are logits for.
        self.size = int(model.get_output_embeddings().weight.shape[0])
        self._slots = Slots()
        self._own_mask = _attends_to_all(model.config)
        #: Bytes of the keys and values of one token, once `check` has seen them.
        self.bytes_per_token = 0

    @property
    def rows(self) -> int:
        """How many sequences run."""
        return self._slots.rows

    @property
    def width(self) -> int:
        """How many columns the longest of them has."""
        return self._slots.width

    def read(self, prefill: Prefill, columns: int) -> torch.Tensor | None:
        """Read the next *columns* of *prefill*.

        Returns the logits ``[rows, vocabulary]`` after the last token, once it is read.
        """
        begin, end = prefill.done, min(prefill.done + columns, prefill.width)
        last = end == prefill.width
        logits = self._forward(
            prefill.ids[:, begin:end],
            prefill.mask[:, :end] if prefill.padded else None,
            prefill.positions[:, begin:end],
            prefill.cache,
            keep=0 if prefill.keep_all else 1,
        )
        prefill.done = end
        if prefill.keep_all:
            prefill.kept.append(logits[0, :-1] if last else logits[0])
        return logits[:, -1].float() if last else None

    def join(self, prefill: Prefill, rows: Sequence[int]) -> None:
        """Let *rows* of a *prefill* that is read take part in the steps."""
        lengths = [prefill.lengths[row] for row in rows]
        begin = prefill.width - max(lengths)
        picked = [
            (layer.keys[list(rows), :, begin:], layer.values[list(rows), :, begin:])
            for layer in prefill.cache.layers
        ]
        self._slots.join(picked, lengths)

    def leave(self, rows: Collection[int]) -> None:
        """Drop *rows*, see `Slots.leave`."""
        self._slots.leave(rows)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Append one of *tokens* to each row; return the logits after them."""
        slots = self._slots
        slots.prepare()
        mask = slots.mask if self._own_mask else (slots.mask[:, 0, 0] == 0).long()
        ids = torch.tensor(tokens, device=self._device)[:, None]
        logits = self._forward(ids, mask, slots.positions, slots, keep=1)
        slots.advance()
        return logits[:, -1].float()

    def clear(self) -> None:
        """Forget all rows."""
        self._slots.clear()

    def _forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
        cache: Any,  # noqa: ANN401 - a cache of transformers
        *,
        keep: int,
    ) -> torch.Tensor:
        given = {
            "attention_mask": mask if mask is None else mask.to(self._device),
            "position_ids": positions.to(self._device),
            "logits_to_keep": keep,
        }
        taken = {name: each for name, each in given.items() if name in self._takes}
        answer = self._model(
            input_ids=ids.to(self._device),
            past_key_values=cache,
            use_cache=True,
            **taken,
        )
        logits: torch.Tensor = answer.logits
        return logits

    def check(self) -> None:
        """Compare two probes that run together with each alone; takes a few steps.

        Raises:
            ValueError: The model's state is not one that rows can share so.

        """
        with torch.inference_mode():
            self._check()

    def _check(self) -> None:
        alone = [self._alone(probe) for probe in _PROBES]
        prefill = Prefill([probe[:-1] for probe in _PROBES], keep_all=False)
        self.read(prefill, prefill.width)
        self.bytes_per_token = sum(
            each.numel() * each.element_size() // (prefill.width * len(_PROBES))
            for layer in prefill.cache.layers
            for each in (layer.keys, layer.values)
        )
        self.join(prefill, range(len(_PROBES)))
        together = self.step([probe[-1] for probe in _PROBES])
        self.clear()
        for row, expected in enumerate(alone):
            spread = float(expected.std()) or 1.0
            if float((together[row] - expected).abs().max()) > _TOLERANCE * spread:
                raise ValueError("answers differ between one sequence and a batch")

    def _alone(self, probe: Sequence[int]) -> torch.Tensor:
        ids = torch.tensor([list(probe)], device=self._device)
        logits: torch.Tensor = self._model(input_ids=ids, use_cache=False).logits
        return logits[0, -1].float()


def _attends_to_all(config: Any) -> bool:  # noqa: ANN401 - any config
    """Say whether every layer sees all tokens, so that one mask is right for all."""
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    full = window is None if kinds is None else set(kinds) <= _FULL
    return full and not getattr(config, "alibi", False)
