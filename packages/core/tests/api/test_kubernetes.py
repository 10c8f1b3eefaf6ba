from __future__ import annotations

import re

from inferry.api._kubernetes import _table, fields


def test_every_type_that_the_table_names_is_in_it() -> None:
    leaves = {"str", "int", "bool", "any", "quantity", "int|str"}

    named = {
        re.sub(r"[\[\]{}!]", "", text)
        for row in _table().values()
        for text in row.values()
    }

    assert named - leaves - _table().keys() == set()


def test_the_table_knows_what_services_use() -> None:
    assert fields("Container")["env"] == "[EnvVar]"
    assert fields("PodSpec")["tolerations"] == "[Toleration]"
    assert fields("ResourceRequirements")["limits"] == "{quantity}"
    assert fields("HTTPGetAction")["port"] == "int|str!"
