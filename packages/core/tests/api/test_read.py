from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.api._nodes import MAX_SIZE, Unreadable
from inferry.api._read import MAX_BYTES, decode, read_nodes

if TYPE_CHECKING:
    from typing import Any


def data(text: Any) -> Any:
    return [node.plain_data() for node in read_nodes(text)[0]]


def remarks(text: Any) -> Any:
    return [(each.line, each.column, each.message) for each in read_nodes(text)[1]]


def test_documents_are_read_with_their_places() -> None:
    nodes, remarks = read_nodes("a: 1\n---\nb:\n  - x\n  - {c: yes}\n")

    assert remarks == []
    assert [node.plain_data() for node in nodes] == [
        {"a": 1},
        {"b": ["x", {"c": True}]},
    ]
    second = nodes[1].items["b"].items[1]
    assert (second.line, second.column) == (5, 5)
    assert (second.keys["c"].line, second.keys["c"].column) == (5, 6)


def test_a_duplicate_key_is_remarked_where_it_stands_again() -> None:
    assert remarks("a: 1\nb: 2\na: 3\n") == [
        (3, 1, "the key 'a' stands twice, first at line 1")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on: 1\n", 'YAML reads the key on as a boolean; quote it: "on"'),
        ("1: a\n", 'YAML reads the key 1 as a number; quote it: "1"'),
        ("? [a]\n: 1\n", "a key must be text, not a list or a mapping"),
        ("a: !thing x\n", "the tag '!thing' is not supported; leave it out"),
        ("a: !x {b: 1}\n", "the tag '!x' is not supported; leave it out"),
        ("a: !x [b]\n", "the tag '!x' is not supported; leave it out"),
        ("<<: 1\n", "'<<' merges mappings only"),
        ("a: *b\n", "no anchor &b stands above"),
        ("a: &b [*b]\n", "*b contains itself"),
        ("a: \0\n", "holds a character that no text has: #0"),
        ("a: \ud800\n", "holds characters that no text has"),
    ],
)
def test_what_yaml_allows_and_a_document_does_not_is_remarked(
    text: str, message: str
) -> None:
    assert [each[2] for each in remarks(text)] == [message]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: b: c\n", (1, 5), "quote the value"),
        ("a:\n\t- b\n", (2, 1), "a tab indents"),
        ("a: 'b\n", (2, 1), "not valid YAML"),
        ("a: [b\nc: d\n", (2, 2), "not valid YAML"),
        ("a: b\n c: d\n", (2, 3), "not valid YAML"),
    ],
)
def test_a_syntax_error_is_told_with_its_place(
    text: str, place: Any, message: str
) -> None:
    ((line, column, told),) = remarks(text)

    assert (line, column) == place
    assert message in told


def test_reading_goes_on_after_a_syntax_error() -> None:
    text = "a: [\n---\nb: 1\n---\nc: : :\n---\nd: 2\n"

    assert data(text) == [{"b": 1}, {"d": 2}] or data(text) == [{"d": 2}]
    assert remarks(text)[-1][0] == 5


def test_merge_keys_and_aliases_are_followed() -> None:
    text = "base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nall: {<<: [*b, {z: 4}]}\n"

    assert data(text) == [
        {
            "base": {"x": 1, "y": 2},
            "use": {"y": 3, "x": 1},
            "all": {"x": 1, "y": 2, "z": 4},
        }
    ]


def test_explicit_tags_say_what_a_scalar_is() -> None:
    assert data('a: !!str 1\nb: !!int "2"\nc: ! 3\n') == [{"a": "1", "b": 2, "c": "3"}]


def test_an_alias_bomb_is_refused_before_it_is_written_out() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    nodes, found = read_nodes("\n".join(levels))

    assert nodes == []
    assert f"more than {MAX_SIZE} values" in found[0].message


def test_many_documents_share_one_bound() -> None:
    line = "a: &a [" + "x, " * 999 + "x]\n"
    document = "---\n" + line + "b: [" + "*a, " * 399 + "*a]\n"

    nodes, found = read_nodes(document * 3)

    assert len(nodes) == 1
    assert "values with its aliases" in found[0].message


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "- " * 100_000])
def test_deep_nesting_is_refused(text: str) -> None:
    (remark,) = read_nodes(text)[1]

    assert remark.message == "nests deeper than 100 levels"


def test_json_with_tabs_and_surrogate_pairs_is_read() -> None:
    text = '{\n\t"a": "\\ud83d\\ude00",\n\t"b": [1, true, null, "\\\\ud83d"]\n}'

    assert data(text) == [json.loads(text)]


# YAML allows 1024 characters for a key, and an escape takes six.
keys = st.text(max_size=80)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=8,
)


@given(st.dictionaries(keys, json_values), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_json(value: Any, indent: Any) -> None:
    assert data(json.dumps(value, indent=indent)) == [value]


@given(st.text())
def test_no_text_raises(text: str) -> None:
    read_nodes(text)


@given(st.binary())
def test_no_bytes_raise_anything_but_unreadable(content: Any) -> None:
    with suppress(Unreadable):
        read_nodes(decode(content))


def test_too_large_a_file_and_a_wrong_encoding_are_named() -> None:
    with pytest.raises(Unreadable, match="is larger than 4 MiB"):
        decode(b"#" * (MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="is not UTF-8 text") as caught:
        decode(b"a: 1\nb: \xff\n")
    assert (caught.value.line, caught.value.column) == (2, 4)
    assert decode("\ufeffa: 1".encode()) == "a: 1"
