"""The page about tensors: each of its tables against the codec."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferry.errors import InvalidInput
from inferry.model import DATATYPES
from inferry_server.codec import datatypes, tensors, v2
from inferry_server.codec.datatypes import dtype_of

PAGE = (Path(__file__).parents[1] / "reference" / "tensors.md").read_text("utf-8")


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table that begins with *head*, without backquotes."""
    _, _, rest = PAGE.partition(f"| {head} |")
    table = rest.split("\n\n")[0].splitlines()[2:]
    return [
        [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
        for line in table
    ]


def test_the_page_has_every_datatype_with_its_size_and_field() -> None:
    found = {row[0]: row[1:] for row in rows("datatype | JSON values")}
    assert list(found) == list(DATATYPES)
    for datatype, (_, size, field) in found.items():
        assert field == tensors.CONTENTS.get(datatype, "none")
        if datatype not in {"BYTES", "BF16"}:  # ml_dtypes need not be there
            assert int(size.partition(",")[0]) == dtype_of(datatype, "x").itemsize


@pytest.mark.parametrize("row", rows("datatype | shape"), ids=" ".join)
def test_an_example_is_answered_as_the_page_says(row: list[str]) -> None:
    datatype, shape, data, answer = row
    item = f'"name": "x", "shape": {shape}, "datatype": "{datatype}", "data": {data}'
    body = memoryview(f'{{"inputs": [{{{item}}}]}}'.encode())
    if answer == "read":
        (tensor,) = v2.decode(body).inputs
        assert str(list(tensor.data.shape)) == shape
        return
    with pytest.raises(InvalidInput, match=re.escape(answer.removeprefix("400: "))):
        v2.decode(body)


def test_the_page_has_the_limits_of_the_codec() -> None:
    found = dict(rows("limit"))
    assert int(found["dimensions"]) == datatypes.MAX_RANK
    assert int(found["inputs or outputs of a request"]) == datatypes.MAX_TENSORS
    assert int(found["characters of a name"]) == datatypes.MAX_NAME
