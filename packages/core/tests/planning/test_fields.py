from __future__ import annotations

import pytest

from inferry.planning import fields
from inferry.planning._unhonoured import schema_fields

TABLES = {
    **fields.FIELDS,
    **{f"pod.{key}": value for key, value in fields.POD_FIELDS.items()},
    **{f"container.{key}": value for key, value in fields.CONTAINER_FIELDS.items()},
    **fields.ANNOTATIONS,
}


def test_every_field_of_the_schema_is_in_the_table() -> None:
    missing = sorted(set(schema_fields()) - set(fields.FIELDS))
    assert missing == []


def test_the_table_holds_no_field_that_does_not_exist() -> None:
    unknown = sorted(set(fields.FIELDS) - set(schema_fields()))
    assert unknown == []


@pytest.mark.parametrize("key", sorted(TABLES))
def test_what_is_not_honoured_says_why(key: str) -> None:
    treatment = TABLES[key]
    assert treatment.action == "honoured" or treatment.why
