"""The ``.proto`` text says what the tables say."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inferry_server.grpc.contract.proto_text import proto
from inferry_server.grpc.messages import tables

if TYPE_CHECKING:
    from pathlib import Path

    from inferry_server.grpc.contract.tables import Table

LINE = re.compile(r"\s*(repeated )?(map<.*>|[\w.]+) (\w+) = (\d+);")


def fields_in(text: str) -> list[tuple[str, str]]:
    found = (LINE.fullmatch(line) for line in text.splitlines())
    return sorted((match[3], match[4]) for match in found if match)


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.file)
def test_every_field_stands_in_the_text(table: Table) -> None:
    expected = [
        (text.split()[1], text.split()[0])
        for fields in table.messages.values()
        for text in fields
    ]
    assert fields_in(proto(table)) == sorted(expected)


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.file)
def test_braces_are_balanced_and_every_rpc_is_there(table: Table) -> None:
    text = proto(table)
    assert text.count("{") == text.count("}")
    for methods in table.services.values():
        assert re.findall(r"rpc (\w+)\(", text) == list(methods)


def test_kinds_are_written_as_proto_has_them() -> None:
    text = proto(next(table for table in tables() if table.package == "inference"))
    assert "syntax" in text
    text = "".join(map(proto, tables()))
    assert "map<string, InferParameter> parameters = 4;" in text
    assert "repeated int64 shape = 3;" in text
    assert "oneof parameter_choice {" in text
    assert "returns (stream ModelStreamInferResponse);" in text
    assert "rpc ModelStreamInfer(stream ModelInferRequest)" in text


def test_the_command_prints_or_writes_the_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inferry_server.grpc"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    for table in tables():
        assert proto(table) in printed.stdout
    subprocess.run([*command, str(tmp_path)], check=True, capture_output=True)
    for table in tables():
        assert (tmp_path / table.file).read_text() == proto(table)
