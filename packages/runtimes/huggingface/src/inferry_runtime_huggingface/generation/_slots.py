"""The keys and values of the sequences that run: one row each, aligned at the right.

Rows that end together need no copying to grow: every step writes one column behind all
of them. What a shorter row has at its left is padding, which the mask hides. A row that
leaves is filled by the last one, and columns that no row needs any longer are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LEAST_ROOM = 64


class _Layer(CacheLayerMixin):  # type: ignore[misc] # transformers is untyped here
    """The storage of one layer: ``[rows, heads, columns, size]``, with room to grow."""

    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self._slots = slots

    def lazy_initialization(
        self, key_states: torch.Tensor, value_states: torch.Tensor
    ) -> None:
        raise NotImplementedError

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *_: object,
        **__: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the column of this step; return all that the rows attend to."""
        slots, end = self._slots, self._slots.end
        after = end + key_states.shape[-2]
        self.keys[: slots.rows, :, end:after] = key_states
        self.values[: slots.rows, :, end:after] = value_states
        return (
            self.keys[: slots.rows, :, slots.start : after],
            self.values[: slots.rows, :, slots.start : after],
        )

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._slots.width + query_length, 0

    def get_seq_length(self) -> int:
        return self._slots.width

    def get_max_length(self) -> int:
        return -1

    def lay_out(self, rows: int, columns: int, at: int) -> None:
        """Copy what there is into new storage, so that it ends before column *at*."""
        self.keys = self._copied(self.keys, rows, columns, at)
        self.values = self._copied(self.values, rows, columns, at)

    def _copied(
        self, old: torch.Tensor, rows: int, columns: int, at: int
    ) -> torch.Tensor:
        slots = self._slots
        # Zeros, because a hidden column still is multiplied: NaN would spread from it.
        new = old.new_zeros(rows, old.shape[1], columns, old.shape[3])
        new[: slots.rows, :, at - slots.width : at] = old[
            : slots.rows, :, slots.start : slots.end
        ]
        return new


class Slots(Cache):  # type: ignore[misc] # transformers is untyped here
    """A cache for transformers whose rows come and go between steps."""

    def __init__(self) -> None:
        super().__init__(layers=[])
        self.rows = 0
        self.start = 0
        self.end = 0
        self.lengths: list[int] = []
        self._room = (0, 0)
        self._hidden = torch.empty(0)
        self._positions = torch.empty(0, dtype=torch.long)

    @property
    def width(self) -> int:
        """How many columns the longest row has."""
        return self.end - self.start

    @property
    def mask(self) -> torch.Tensor:
        """What is added to the scores of the next step: 0, or the lowest number."""
        return self._hidden[: self.rows, :, :, self.start : self.end + 1]

    @property
    def positions(self) -> torch.Tensor:
        """The positions of the next tokens, ``[rows, 1]``."""
        return self._positions[: self.rows]

    def join(
        self, layers: Sequence[tuple[torch.Tensor, torch.Tensor]], lengths: list[int]
    ) -> None:
        """Take rows of *lengths* tokens, each layer's padded at the left."""
        if not self.layers:
            self._begin(layers)
        width = layers[0][0].shape[2]
        self._make_room(self.rows + len(lengths), max(width, self.width))
        first, after = self.rows, self.rows + len(lengths)
        self.start = min(self.start, self.end - width)
        for layer, (keys, values) in zip(self.layers, layers, strict=True):
            for stored, given in ((layer.keys, keys), (layer.values, values)):
                stored[first:after, :, : self.end - width] = 0
                stored[first:after, :, self.end - width : self.end] = given
        self._hidden[first:after] = torch.finfo(self._hidden.dtype).min
        for row, length in enumerate(lengths, start=first):
            self._hidden[row, :, :, self.end - length :] = 0
            self._positions[row] = length
        self.rows = after
        self.lengths += lengths

    def advance(self) -> None:
        """Count the column that a step has written."""
        self.end += 1
        self._positions[: self.rows] += 1
        self.lengths = [length + 1 for length in self.lengths]

    def prepare(self) -> None:
        """See that the next step has a column to write."""
        self._make_room(self.rows, self.width)

    def leave(self, rows: Collection[int]) -> None:
        """Drop *rows*; the last rows take the places of those in the middle.

        `moves` says which, for what else is kept by row.
        """
        for source, target in moves(self.rows, rows):
            for layer in self.layers:
                layer.keys[target] = layer.keys[source]
                layer.values[target] = layer.values[source]
            self._hidden[target] = self._hidden[source]
            self._positions[target] = self._positions[source]
            self.lengths[target] = self.lengths[source]
        self.rows -= len(rows)
        del self.lengths[self.rows :]
        self.start = self.end - max(self.lengths, default=0)

    def clear(self) -> None:
        """Drop all rows and the storage."""
        self.__init__()  # type: ignore[misc] # a fresh one, under the same name

    def _begin(self, layers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        for keys, values in layers:
            layer = _Layer(self)
            layer.keys, layer.values = keys[:0], values[:0]
            layer.is_initialized = True
            self.layers.append(layer)
        keys = layers[0][0]
        self._hidden = keys.new_zeros(0, 1, 1, 0)
        self._positions = torch.zeros(0, 1, dtype=torch.long, device=keys.device)

    def _make_room(self, rows: int, width: int) -> None:
        """See that *rows* fit, and *width* columns before the end and one behind it."""
        if rows <= self._room[0] and width <= self.end < self._room[1]:
            self._hide_left_of_start(width)
            return
        rows = max(1 << (rows - 1).bit_length(), 1)
        columns = width + max(_LEAST_ROOM, width // 4)
        for layer in self.layers:
            layer.lay_out(rows, columns, width)
        hidden = self._hidden.new_full(
            (rows, 1, 1, columns), torch.finfo(self._hidden.dtype).min
        )
        for row, length in enumerate(self.lengths):
            hidden[row, :, :, width - length :] = 0
        self._hidden = hidden
        positions = self._positions.new_zeros(rows, 1)
        positions[: self.rows] = self._positions[: self.rows]
        self._positions = positions
        self.start, self.end = width - self.width, width
        self._room = (rows, columns)

    def _hide_left_of_start(self, width: int) -> None:
        """Clear the columns that a wider newcomer uncovers for the rows there are."""
        if self.rows and width > self.width:
            for layer in self.layers:
                for stored in (layer.keys, layer.values):
                    stored[: self.rows, :, self.end - width : self.start] = 0


def moves(count: int, leaving: Collection[int]) -> list[tuple[int, int]]:
    """Return (source, target) rows that close the gaps of *leaving* among *count*."""
    left = count - len(leaving)
    gone = set(leaving)
    sources = [row for row in range(left, count) if row not in gone]
    targets = sorted(row for row in gone if row < left)
    return list(zip(sources, targets, strict=True))
