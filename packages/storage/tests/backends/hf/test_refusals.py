"""Each refusal of the hub says what to do, and tells no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.hub import Repository
from fakes.site import Answer

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    AccessDenied,
    Credentials,
    InvalidUri,
    NotFound,
    Source,
    Unauthenticated,
    Unreachable,
)
from inferry_storage.backends.hf import HubStorage

if TYPE_CHECKING:
    from fakes.hub import Hub


async def refused(
    hub: Hub, token: str = "", uri: str = "hf://owner/model"
) -> StorageError:
    values = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token}
    storage = HubStorage(
        Access(credentials=Credentials(rung="secret hf-token", values=values))
    )
    with pytest.raises(StorageError) as caught:
        await storage.resolve(Source(uri=uri))
    await storage.close()
    assert "secret words" not in str(caught.value)
    assert not token or token not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture(autouse=True)
def repository(hub: Hub) -> Repository:
    hub.repositories["owner/model"] = Repository({"a": b"a"})
    return hub.repositories["owner/model"]


async def test_a_gated_repository_names_its_licence(
    hub: Hub, repository: Repository
) -> None:
    repository.gated = True

    without = await refused(hub)
    ungranted = await refused(hub, hub.token)

    assert isinstance(without, Unauthenticated)
    assert f"accept its licence at {hub.url}/owner/model" in without.remedy
    assert "HF_TOKEN" in without.remedy
    assert type(ungranted) is AccessDenied
    assert "secret hf-token" in ungranted.message


async def test_a_private_repository_looks_as_if_it_were_missing(
    hub: Hub, repository: Repository
) -> None:
    repository.private = True

    without, ungranted = await refused(hub), await refused(hub, hub.token)

    assert isinstance(without, NotFound)
    assert "HF_TOKEN" in without.remedy
    assert isinstance(ungranted, NotFound)
    assert "secret hf-token" in ungranted.message


async def test_a_token_that_is_not_known_says_where_it_was_found(hub: Hub) -> None:
    error = await refused(hub, "hf_of_somebody_else")

    assert isinstance(error, Unauthenticated)
    assert error.rung == "secret hf-token"
    assert "does not know the token (secret hf-token)" in error.message


async def test_a_revision_that_is_none_is_named(hub: Hub) -> None:
    error = await refused(hub, uri="hf://owner/model@no-such")

    assert isinstance(error, NotFound)
    assert "no such revision" in error.message
    assert f"{hub.url}/owner/model/branches" in error.remedy


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (403, "", AccessDenied, "read access"),
        (401, "", Unauthenticated, "set HF_TOKEN"),
        (403, "Access to this resource is disabled.", AccessDenied, "disabled"),
        (404, "EntryNotFound", NotFound, "no such file"),
        (404, "", NotFound, "no such repository"),
        (400, "", InvalidUri, "answered 400"),
        (503, "RepoNotFound", Unreachable, "answered 503"),
    ],
)
async def test_what_else_the_hub_says(
    hub: Hub, status: int, code: str, kind: type[StorageError], said: str
) -> None:
    name = "X-Error-Message" if " " in code else "X-Error-Code"
    hub.faults = [lambda _: Answer(status, b"", {name: code})]

    error = await refused(hub)

    assert isinstance(error, kind)
    assert said in str(error) + error.remedy
