"""Models that read one text and write another, as the engine calls them.

Rows that begin together stay together: each group has its own cache, in which all
answers are of one length. A step goes through the groups, so nobody waits for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from inferry_runtime_huggingface.generation._prefill import Prefill
from inferry_runtime_huggingface.generation._slots import moves

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_PROBES = ((3, 7, 2, 9, 4), (5, 1, 8))
_TOLERANCE = 0.02


class _Group:
    """Rows that began together: what the encoder gave, and the decoder's cache."""

    def __init__(self, encoded: torch.Tensor, mask: torch.Tensor) -> None:
        self.encoded = encoded
        self.mask = mask
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    @property
    def count(self) -> int:
        return len(self.encoded)

    @property
    def width(self) -> int:
        read: int = self.encoded.shape[1]
        written: int = self.cache.get_seq_length()
        return read + written

    def pick(self, rows: Sequence[int]) -> None:
        """Keep only *rows*."""
        if list(rows) == list(range(self.count)):
            return
        kept = torch.tensor(list(rows), device=self.encoded.device)
        self.encoded, self.mask = self.encoded[kept], self.mask[kept]
        self.cache.batch_select_indices(kept)


class EncoderDecoder:
    """Runs a sequence-to-sequence *model* for groups whose rows leave one by one."""

    continues = False

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any such model of transformers
        self._model = model
        self._encoder = model.get_encoder()
        self._start = _beginning(model)
        self._groups: list[_Group] = []
        #: Row of the engine -> its group and its place there.
        self._rows: list[tuple[_Group, int]] = []
        self.size = int(model.get_output_embeddings().weight.shape[0])
        self.bytes_per_token = 0

    @property
    def rows(self) -> int:
        """How many sequences run."""
        return len(self._rows)

    @property
    def width(self) -> int:
        """How many tokens the longest of them has, read and written."""
        return max((group.width for group in self._groups), default=0)

    def read(self, prefill: Prefill, columns: int) -> torch.Tensor | None:  # noqa: ARG002 - an encoder needs all at once
        """Encode all of *prefill* and return the logits of the first tokens."""
        device = self._model.device
        ids, mask = _left_aligned(prefill)
        ids, mask = ids.to(device), mask.to(device)
        encoded = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        group = _Group(encoded, mask)
        prefill.cache = group
        prefill.done = prefill.width
        starts = torch.tensor([self._start] * group.count, device=device)
        return self._forward(group, starts)

    def join(self, prefill: Prefill, rows: Sequence[int]) -> None:
        """Let *rows* of a *prefill* that is read take part in the steps."""
        group: _Group = prefill.cache
        group.pick(rows)
        self._groups.append(group)
        self._rows += [(group, place) for place in range(group.count)]

    def leave(self, rows: Collection[int]) -> None:
        """Drop *rows*; the last take their places."""
        left = len(self._rows) - len(rows)
        for source, target in moves(len(self._rows), rows):
            self._rows[target] = self._rows[source]
        del self._rows[left:]
        for group in self._groups:
            kept = sorted(place for each, place in self._rows if each is group)
            if kept and len(kept) < group.count:
                group.pick(kept)
                renamed = {old: new for new, old in enumerate(kept)}
                self._rows = [
                    (each, renamed[place] if each is group else place)
                    for each, place in self._rows
                ]
        running = {id(group) for group, _ in self._rows}
        self._groups = [group for group in self._groups if id(group) in running]

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Append one of *tokens* to each row; return the logits after them."""
        places = {
            (id(group), place): row for row, (group, place) in enumerate(self._rows)
        }
        found = torch.empty(len(tokens), self.size, device=self._model.device)
        for group in self._groups:
            rows = [places[id(group), place] for place in range(group.count)]
            ids = torch.tensor([[tokens[row]] for row in rows], device=found.device)
            found[rows] = self._forward(group, ids)
        return found

    def clear(self) -> None:
        """Forget all rows."""
        self._rows.clear()
        self._groups.clear()

    def _forward(self, group: _Group, ids: torch.Tensor) -> torch.Tensor:
        answer = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=group.encoded),
            attention_mask=group.mask,
            decoder_input_ids=ids,
            past_key_values=group.cache,
            use_cache=True,
        )
        logits: torch.Tensor = answer.logits[:, -1].float()
        return logits

    def check(self) -> None:
        """Compare two probes that run together with each alone.

        Raises:
            ValueError: Answers depend on their company.

        """
        with torch.inference_mode():
            alone = [self._probed([probe])[0] for probe in _PROBES]
            together = self._probed(_PROBES)
        for row, expected in enumerate(alone):
            spread = float(expected.std()) or 1.0
            if float((together[row] - expected).abs().max()) > _TOLERANCE * spread:
                raise ValueError("answers differ between one text and several")

    def _probed(self, probes: Sequence[Sequence[int]]) -> torch.Tensor:
        prefill = Prefill(probes, keep_all=False)
        self.read(prefill, prefill.width)
        self.join(prefill, range(len(probes)))
        logits = self.step([3] * len(probes))
        kept = self._groups[0].cache
        columns = len(self._start) + 1 + prefill.width
        self.bytes_per_token = 1 + sum(
            each.numel() * each.element_size() // (len(probes) * columns)
            for half in (kept.self_attention_cache, kept.cross_attention_cache)
            for layer in half.layers
            for each in (layer.keys, layer.values)
        )
        self.clear()
        return logits


def _left_aligned(prefill: Prefill) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask with the padding at the right, where encoders expect it."""
    ids = torch.zeros_like(prefill.ids)
    mask = torch.zeros_like(prefill.mask)
    for row, length in enumerate(prefill.lengths):
        ids[row, :length] = prefill.ids[row, prefill.width - length :]
        mask[row, :length] = 1
    return ids, mask


def _beginning(model: Any) -> list[int]:  # noqa: ANN401 - as above
    """Return the tokens that every answer begins with, unseen."""
    config = model.generation_config
    start = config.decoder_start_token_id
    if start is None:
        start = getattr(model.config, "decoder_start_token_id", None)
    if start is None:
        start = config.bos_token_id
    if start is None:
        raise ValueError("no decoder_start_token_id says how answers begin")
    forced = config.forced_bos_token_id
    return [int(start), *([] if forced is None else [int(forced)])]
