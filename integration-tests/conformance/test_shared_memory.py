"""System shared memory: where it is allowed, only what is memory, only its bytes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import tritonclient.utils.shared_memory as shm
from conformance import encodings
from tritonclient.utils import InferenceServerException

from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.testing.protocol import Served

SIZE = 64
each_kind = pytest.mark.parametrize("kind", clients.KINDS)


@pytest.fixture
def region() -> Iterator[str]:
    """Give a region of `SIZE` bytes that nobody registered."""
    name = f"conformance-{uuid.uuid4().hex}"
    handle = shm.create_shared_memory_region(name, f"/{name}", SIZE)
    yield name
    shm.destroy_shared_memory_region(handle)


@pytest.fixture
def registered(echo: Served, region: str) -> Iterator[str]:
    """Give a region that is registered under its own name."""
    clients.ask(
        "http", echo, "register_system_shared_memory", region, f"/{region}", SIZE
    )
    yield region
    clients.ask("http", echo, "unregister_system_shared_memory", region)


def names(kind: str, served: Served) -> set[str]:
    told = clients.ask(kind, served, "get_system_shared_memory_status")
    if kind.startswith("http"):
        return {each["name"] for each in told}
    return set(told.regions)


def infer(served: Served, **place: Any) -> Any:
    given = {
        "name": "x",
        "datatype": "UINT8",
        "shape": [8],
        "parameters": {"shared_memory_byte_size": 8, **place},
    }
    return served.request("POST", encodings.INFER, json={"inputs": [given]})


@each_kind
def test_regions_are_registered_listed_and_forgotten(
    echo: Served, region: str, kind: str
) -> None:
    register = "register_system_shared_memory"
    clients.ask(kind, echo, register, region, f"/{region}", SIZE)
    assert region in names(kind, echo)
    clients.ask(kind, echo, "unregister_system_shared_memory", region)
    assert region not in names(kind, echo)


@each_kind
def test_a_name_is_registered_once(echo: Served, registered: str, kind: str) -> None:
    with pytest.raises(InferenceServerException):
        clients.ask(
            *(kind, echo, "register_system_shared_memory"),
            *(registered, f"/{registered}", SIZE),
        )


@each_kind
@pytest.mark.parametrize(
    "key",
    ["/nobody", "/../etc/passwd", "../../etc/passwd", "/a/b", "", "/", "/.", "x\0y"],
)
def test_keys_that_are_no_memory_are_refused(echo: Served, kind: str, key: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        clients.ask(kind, echo, "register_system_shared_memory", "bad", key, 8)
    assert caught.value.status() in {
        *("400", "404", "StatusCode.INVALID_ARGUMENT", "StatusCode.NOT_FOUND")
    }
    assert "bad" not in names(kind, echo)


@pytest.mark.parametrize(
    ("size", "offset"), [(SIZE + 1, 0), (8, SIZE), (0, 0), (2**62, 2**62), (-8, 0)]
)
def test_more_than_the_region_cannot_be_registered(
    echo: Served, region: str, size: int, offset: int
) -> None:
    path = f"/v2/systemsharedmemory/region/{region}/register"
    body = {"key": f"/{region}", "offset": offset, "byte_size": size}
    response = echo.request("POST", path, json=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]


@pytest.mark.parametrize(
    "place",
    [
        {"shared_memory_byte_size": SIZE + 1},
        {"shared_memory_offset": SIZE},
        {"shared_memory_offset": SIZE - 4},
        {"shared_memory_offset": -8},
        {"shared_memory_offset": 2**63},
        {"shared_memory_byte_size": 2**63},
        {"shared_memory_byte_size": 4},
        {"shared_memory_byte_size": "8"},
        {"shared_memory_byte_size": True},
        {"shared_memory_region": 7},
    ],
    ids=str,
)
def test_nothing_outside_the_region_is_read(
    echo: Served, registered: str, place: dict[str, Any]
) -> None:
    response = infer(echo, **{"shared_memory_region": registered, **place})
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_an_output_that_does_not_fit_is_refused(echo: Served, registered: str) -> None:
    document = {
        "inputs": [
            {"name": "x", "datatype": "UINT8", "shape": [8], "data": list(range(8))}
        ],
        "outputs": [
            {
                "name": "x",
                "parameters": {
                    "shared_memory_region": registered,
                    "shared_memory_byte_size": 4,
                },
            }
        ],
    }
    response = echo.request("POST", encodings.INFER, json=document)
    assert response.status_code == 400, response.text


def test_a_region_that_has_shrunk_ends_the_request_only(
    echo: Served, registered: str
) -> None:
    with open(f"/dev/shm/{registered}", "r+b") as file:  # noqa: PTH123 - a region
        file.truncate(0)
    response = infer(echo, shared_memory_region=registered)
    assert response.status_code in {200, 400}, response.text
    assert echo.alive, echo.said
    assert echo.request("GET", "/v2/health/live").status_code == 200


@each_kind
def test_it_is_refused_where_it_is_not_allowed(
    typed: Served, region: str, kind: str
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        clients.ask(
            *(kind, typed, "register_system_shared_memory"),
            *(region, f"/{region}", SIZE),
        )
    assert caught.value.status() in {"403", "StatusCode.PERMISSION_DENIED"}
