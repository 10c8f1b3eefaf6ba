"""What a registry wants to see with each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.registry import FakeRegistry

from inferry.storage import Credentials, Unauthenticated
from inferry_storage.backends.oci.reference import Reference
from inferry_storage.backends.oci.tokens import Authorization
from inferry_storage.network.exchange import Exchange
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import WebServer


@pytest.fixture
def fake(web: WebServer) -> FakeRegistry:
    return FakeRegistry(web)


@pytest.fixture
async def authorization(fake: FakeRegistry) -> AsyncIterator[Authorization]:
    policy = Policy.of({"endpoints": (f"http://{fake.address}",)})
    exchange = Exchange(policy, {})
    credentials = Credentials(
        rung="developer", values={"OCI_USERNAME": "u", "OCI_PASSWORD": "p"}
    )
    yield Authorization(Reference.of(fake.uri()), credentials, exchange)
    await exchange.close()


async def test_a_token_becomes_the_header(
    fake: FakeRegistry, authorization: Authorization
) -> None:
    fake.serve_token("good")
    assert authorization.private() == {}

    await authorization.renew(f"http://{fake.address}/v2/x", fake.challenge, "")

    assert authorization.private() == {"Authorization": "Bearer good"}


async def test_what_another_has_renewed_is_not_renewed_again(
    fake: FakeRegistry, authorization: Authorization
) -> None:
    asked = fake.serve_token("good")
    base = f"http://{fake.address}/v2/x"
    await authorization.renew(base, fake.challenge, "")

    await authorization.renew(base, fake.challenge, "")

    assert len(asked) == 1


async def test_nothing_is_sent_to_a_challenge_that_is_none(
    fake: FakeRegistry, authorization: Authorization
) -> None:
    with pytest.raises(Unauthenticated, match="unknown kind"):
        await authorization.renew(f"http://{fake.address}", "Digest realm=x", "")
    assert authorization.private() == {}
