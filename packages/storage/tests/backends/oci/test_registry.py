"""A registry as far as a pull needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fakes.registry import NAME, FakeRegistry, artifact

from inferry.storage import Access, Credentials, NotFound, Unauthenticated
from inferry_storage.backends.oci.reference import Reference
from inferry_storage.backends.oci.registry import Registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Handler, WebServer


@pytest.fixture
def fake(web: WebServer) -> FakeRegistry:
    return FakeRegistry(web)


@pytest.fixture
async def registry(fake: FakeRegistry) -> AsyncIterator[Registry]:
    found = Registry(access(fake), Reference.of(fake.uri()))
    yield found
    await found.close()


def access(fake: FakeRegistry, **values: str) -> Access:
    rung = "developer" if values else "none"
    return Access(
        settings={"endpoints": (f"http://{fake.address}",), "stall_seconds": 2.0},
        credentials=Credentials(rung=rung, values=values),
    )


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["v1", "v2"], "it has the tags v1, v2$"),
        ([f"v{n}" for n in range(9)], "v0, v1, v2, v3, v4, v5, v6, v7, …$"),
        (["v1", "\x1b[2J bad", "x" * 200], "it has the tags v1$"),
        (None, "no such repository"),
        ("v1", "it has the tags v, 1"),
        ([1], "no such repository"),
    ],
)
async def test_a_tag_that_is_missing_is_answered_with_those_that_are_there(
    fake: FakeRegistry, registry: Registry, tags: Any, said: str
) -> None:
    listed = json.dumps({"name": NAME, "tags": tags}).encode()
    fake.put("tags/list", listed, "application/json")

    with pytest.raises(NotFound, match=said):
        await registry.manifest("v3")


async def test_user_and_password_are_sent_where_the_registry_asks_for_them(
    fake: FakeRegistry,
) -> None:
    fake.manifest(artifact(fake.file("m.bin", b"data")))
    fake.token = "of no use"
    fake.challenge = 'Basic realm="registry"'

    asking = Registry(
        access(fake, OCI_USERNAME="ada", OCI_PASSWORD="secret"),
        Reference.of(fake.uri()),
    )
    with pytest.raises(Unauthenticated) as caught:
        await asking.manifest("1")
    await asking.close()
    assert fake.asked[-1]["Authorization"] == "Basic YWRhOnNlY3JldA=="
    assert "secret" not in str(caught.value)


async def test_without_user_and_password_it_is_said_how_to_give_them(
    fake: FakeRegistry, registry: Registry
) -> None:
    fake.manifest(artifact(fake.file("m.bin", b"data")))
    fake.token = "of no use"
    fake.challenge = 'Basic realm="registry"'

    with pytest.raises(Unauthenticated, match="asks for user and password; log in"):
        await registry.manifest("1")


async def test_a_token_server_that_refuses_names_the_rung(
    fake: FakeRegistry, web: WebServer, registry: Registry
) -> None:
    def refuse(handler: Handler) -> None:
        handler.send_error(401)

    fake.manifest(artifact(fake.file("m.bin", b"data")))
    fake.token = "of no use"
    web.routes["/token"] = refuse

    with pytest.raises(Unauthenticated) as caught:
        await registry.manifest("1")
    assert caught.value.rung == "none"


async def test_a_manifest_has_the_digest_of_its_bytes(
    fake: FakeRegistry, registry: Registry
) -> None:
    pushed = fake.manifest(artifact(fake.file("m.bin", b"data")))

    digest, manifest = await registry.manifest("1")

    assert digest == pushed["digest"]
    assert [each.size for each in manifest.layers or ()] == [4]
