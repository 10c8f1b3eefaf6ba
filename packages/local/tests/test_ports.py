"""The port is looked at before anything starts."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from inferry.errors import BackendError
from inferry_local._instances import socket_path
from inferry_local._ports import check, loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_is_taken_names_its_process(
    taken: int, runtime_folder: Path
) -> None:
    with pytest.raises(BackendError) as raised:
        check("127.0.0.1", taken)

    assert f"port {taken} is taken by " in raised.value.message
    assert f"(process {os.getpid()})" in raised.value.message
    assert raised.value.remedy == f"choose another, such as --port {taken + 1}"
    assert raised.value.exit_code == 1


def test_another_run_on_the_port_is_told_apart(
    taken: int, runtime_folder: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(socket_path(taken)))
        control.listen()
        with pytest.raises(BackendError, match="give it more with `inferry apply"):
            check("127.0.0.1", taken)


def test_a_free_port_and_any_port_pass(taken: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    check("127.0.0.1", port)
    check("127.0.0.1", 0)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BackendError, match="port 8080 cannot be listened on"):
        check("192.0.2.1", 8080)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("example.com", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert loopback(host) is expected
