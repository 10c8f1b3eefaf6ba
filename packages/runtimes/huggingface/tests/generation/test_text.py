"""Text from tokens: whole characters, and stops that no piece shows."""

from __future__ import annotations

from typing import Any

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from inferry_runtime_huggingface.generation._text import Stops, decoding
from inferry_runtime_huggingface.generation._vocabulary import Vocabulary

TEXTS = [
    "def f(x):\n    return x",
    "naïve café",
    "日本語 text",
    "👩‍👩‍👧 and 🏳️‍🌈!",
    "\t\r\n  ",
]


@pytest.fixture(scope="module")
def vocabulary(words: Any) -> Vocabulary:
    return Vocabulary(words)


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_whole_characters(
    vocabulary: Vocabulary, words: Any, text: str
) -> None:
    """An emoji of many tokens comes with its last one."""
    ids = words.encode(text)
    decode = decoding(vocabulary, (), skip_special=True)
    pieces = [decode.add(each) for each in ids]

    assert text == "".join(pieces)
    assert not any("\ufffd" in piece for piece in pieces)
    assert text.encode() == b"".join(vocabulary.data(each) for each in ids)


def test_bytes_that_are_no_text_are_replaced(
    vocabulary: Vocabulary, words: Any
) -> None:
    """As the tokenizer itself does; a character that is not complete is not shown."""
    first = words.encode("😀")[:2]
    decode = decoding(vocabulary, (), skip_special=True)
    ids = [*first, *words.encode("a")]

    assert words.decode(ids) == "".join(decode.add(each) for each in ids)
    assert "".join(decode.add(each) for each in first) == ""


def test_special_tokens_are_shown_only_if_asked(
    vocabulary: Vocabulary, words: Any
) -> None:
    """Both ways; ids that no token has are nothing."""
    hidden = decoding(vocabulary, (), skip_special=True)
    shown = decoding(vocabulary, (), skip_special=False)

    assert [hidden.add(1), hidden.add(10**6)] == ["", ""]
    assert [shown.add(1), shown.add(10**6)] == ["<|eos|>", ""]
    assert len(words) == len(vocabulary)


def test_byte_fallback_is_put_together() -> None:
    """Tokenizers as Llama 2's write rare characters as bytes."""
    names = ["<unk>", "▁cat", "s", *(f"<0x{byte:02X}>" for byte in range(256))]
    numbers = {name: place for place, name in enumerate(names)}
    made = Tokenizer(models.BPE(numbers, [], unk_token="<unk>", byte_fallback=True))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    vocabulary = Vocabulary(
        transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")
    )
    ids = [1, 2, *(numbers[f"<0x{byte:02X}>"] for byte in "é😀".encode())]
    decode = decoding(vocabulary, (), skip_special=True)
    pieces = [decode.add(each) for each in ids]

    assert vocabulary.exact
    assert pieces == [" cat", "s", "", "é", "", "", "", "😀"]


def test_other_decoders_see_the_neighbours() -> None:
    """WordPiece puts a space before a word and none before what continues it."""
    names = ["[UNK]", "kit", "##ten", "sat", "."]
    numbers = {name: place for place, name in enumerate(names)}
    made = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    made.decoder = decoders.WordPiece(cleanup=False)
    vocabulary = Vocabulary(
        transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")
    )
    decode = decoding(vocabulary, (3,), skip_special=True)
    pieces = [decode.add(each) for each in (1, 2, 3, 1, 3, 1, 2, 2, 3)]

    assert not vocabulary.exact
    assert "".join(pieces) == " kitten sat kit sat kittenten sat"


def test_a_stop_ends_the_text() -> None:
    """The earliest of them, wherever pieces end."""
    stops = Stops(("END", "###"))
    shown = [stops.add(piece) for piece in ("one E", "N", "Ouch #", "#", "# more END")]

    assert shown == [
        ("one ", False),
        ("", False),
        ("ENOuch ", False),
        ("", False),
        ("", True),
    ]


def test_what_was_held_comes_in_the_end() -> None:
    """If the stop did not."""
    stops = Stops(("END",))

    assert stops.add("an EN") == ("an ", False)
    assert (stops.rest(), stops.rest()) == ("EN", "")


@given(
    st.text("ab", max_size=30),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(1, 5),
)
def test_stops_cut_where_one_piece_would(
    text: str, stops: list[str], size: int
) -> None:
    """However the text is split, the first stop to be complete ends it."""
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    each = Stops(tuple(stops))
    shown = ""
    for piece in pieces:
        more, stopped = each.add(piece)
        shown += more
        if stopped:
            break
    else:
        assert not any(stop in text for stop in stops)
        assert text == shown + each.rest()
        return
    assert not any(stop in shown for stop in stops)
    assert any(text[len(shown) :].startswith(stop) for stop in stops)
