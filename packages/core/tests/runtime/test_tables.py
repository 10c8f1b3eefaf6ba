"""Tables come whole or column by column, of any type of number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inferry.errors import InvalidInput
from inferry.model import Tensor, TensorSpec
from inferry.runtime.tables import Table

NAMED = Table(features=2, dtype="float64", names=("age", "city"))
ONE = np.ones(1, np.float32)


def tensor(name: str, data: Any, datatype: str = "FP64") -> Tensor:
    return Tensor(name=name, datatype=datatype, data=np.asarray(data))


def refused(table: Table, *inputs: Tensor) -> str:
    with pytest.raises(InvalidInput) as caught:
        table.read(inputs)
    return str(caught.value)


def test_the_whole_table_is_one_input() -> None:
    assert NAMED.inputs == (TensorSpec(name="input-0", datatype="FP64", shape=(-1, 2)),)
    rows = np.ones((3, 2))
    assert NAMED.read([tensor("input-0", rows)]) is rows


def test_numbers_are_converted_unless_their_type_is_taken_as_it_is() -> None:
    given = tensor("input-0", np.ones((1, 2), np.float32), "FP32")
    assert NAMED.read([given]).dtype == np.float64
    both = Table(features=2, dtype="float64", exact=("float32",))
    assert both.read([given]) is given.data


def test_columns_come_in_any_order() -> None:
    found = NAMED.read([tensor("city", [3.0, 4.0]), tensor("age", [[1.0], [2.0]])])
    assert found.tolist() == [[1, 3], [2, 4]]


def test_a_column_may_be_called_as_the_whole() -> None:
    table = Table(features=1, names=("input-0",))
    assert table.read([tensor("input-0", [7.0])]).tolist() == [[7]]


def test_categories_have_the_numbers_of_the_model() -> None:
    codes = {1: {b"Bonn": 0, b"Rome": 1}}
    lenient = Table(features=2, names=NAMED.names, codes=codes, missing=True)
    city = tensor("city", np.array([b"Rome", b"Oslo"], dtype=object), "BYTES")
    found = lenient.read([tensor("age", [1.0, 2.0]), city])
    assert found[0].tolist() == [1, 1]
    assert np.isnan(found[1:, 1]).all()
    strict = Table(features=2, names=NAMED.names, codes=codes)
    city = tensor("city", np.array([b"Oslo"], dtype=object), "BYTES")
    assert refused(strict, tensor("age", [1.0]), city) == (
        "input 'city' has the category 'Oslo', the model knows 'Bonn', 'Rome'"
    )


def test_what_does_not_fit_is_named() -> None:
    assert refused(NAMED) == "the request has no input; the model takes 'input-0'"
    assert "has shape [1, 3], expected [-1, 2]" in refused(
        NAMED, tensor("input-0", np.ones((1, 3)))
    )
    text = np.full((1, 2), b"x", dtype=object)
    assert "is BYTES, expected numbers, such as FP64" in refused(
        NAMED, tensor("input-0", text, "BYTES")
    )
    assert refused(NAMED, tensor("age", ONE)) == "input 'city' is missing"
    assert "did you mean 'city'?" in refused(NAMED, tensor("cities", ONE))
    assert "unknown input 'x'; expected 'input-0' or one input per feature" in refused(
        NAMED, tensor("x", ONE)
    )
    assert "'age' is given twice" in refused(NAMED, *[tensor("age", ONE)] * 2)
    assert "differ in their number of rows: 'age' 1, 'city' 2" in refused(
        NAMED, tensor("age", ONE), tensor("city", np.ones(2))
    )
    assert "'age' has shape [1, 2], expected [-1]" in refused(
        NAMED, tensor("age", np.ones((1, 2)))
    )


def test_without_names_there_is_one_input() -> None:
    table = Table(features=2)
    assert "unknown input 'a'; the model takes 'input-0'" in refused(
        table, tensor("a", ONE)
    )
    assert "unknown input 'a'; the model takes 'input-0'" in refused(
        table, tensor("a", ONE), tensor("b", ONE)
    )
    whole = tensor("input-0", np.ones((1, 2)))
    assert "unknown input 'b'" in refused(table, whole, tensor("b", ONE))
    assert "input 'input-0' is twice" in refused(table, whole, whole)


def test_the_whole_table_comes_alone() -> None:
    whole = tensor("input-0", np.ones((1, 2)))
    assert refused(NAMED, whole, tensor("age", ONE)) == (
        "input 'input-0' is the whole table, no other input goes with it"
    )


def test_a_frame_is_in_order_where_columns_have_no_names() -> None:
    table = Table(features=2)
    columns = [tensor("b", [[1.0], [2.0]]), tensor("a", [3.0, 4.0])]
    assert table.read(columns, frame=True).tolist() == [[1, 3], [2, 4]]
    with pytest.raises(InvalidInput, match="unknown input 'b'"):
        table.read(columns[:1], frame=True)
    with pytest.raises(InvalidInput, match="differ in their number of rows"):
        table.read([columns[0], tensor("a", ONE)], frame=True)
    named = [tensor("city", [1.0]), tensor("age", [2.0])]
    assert NAMED.read(named, frame=True).tolist() == [[2, 1]]
