"""Who is let in, by which header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import signing

from inferry_server import ServerSettings
from inferry_server.auth.gatekeeper import Gatekeeper
from inferry_server.errors import Unauthorized

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    keys = tmp_path / "keys"
    keys.write_text("ann:k.e.y\nplain\n")
    return {
        "api_keys": str(keys),
        "jwt_keys": signing.write(tmp_path / "jwks", signing.public("ES256")),
    }


def gatekeeper(**settings: str) -> Gatekeeper:
    found = Gatekeeper.of(ServerSettings(**settings))
    assert found is not None
    return found


def test_without_keys_there_is_no_gatekeeper() -> None:
    assert Gatekeeper.of(ServerSettings()) is None


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"authorization": "Bearer plain"}, "line 2"),
        ({"authorization": "bearer  plain "}, "line 2"),
        ({"x-api-key": "plain"}, "line 2"),
        ({"x-api-key": "plain", "authorization": "Basic abc"}, "line 2"),
        ({"authorization": "Bearer k.e.y"}, "ann"),
        ({"authorization": f"Bearer {signing.token('ES256', sub='bob')}"}, "bob"),
    ],
)
def test_a_key_or_a_token_is_enough(
    headers: dict[str, str], name: str, settings: dict[str, str]
) -> None:
    assert gatekeeper(**settings).admit(headers) == name


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "this server wants a token or an API key"),
        ({"authorization": "Basic abc"}, "this server wants a token or an API key"),
        ({"authorization": "Bearer"}, "this server wants a token or an API key"),
        ({"authorization": "Bearer nope"}, "this API key is not known here"),
        ({"authorization": "Bearer no.p.e"}, "the token is not valid"),
        ({"x-api-key": "nope"}, "this API key is not known here"),
        (
            {"x-api-key": "nope", "authorization": "Bearer plain"},
            "this API key is not known here",
        ),
    ],
)
def test_nothing_else_is(
    headers: dict[str, str], message: str, settings: dict[str, str]
) -> None:
    with pytest.raises(Unauthorized) as caught:
        gatekeeper(**settings).admit(headers)
    assert str(caught.value).startswith(message)
    assert "no.p.e" not in str(caught.value)


@pytest.mark.parametrize("only", ["api_keys", "jwt_keys"])
def test_each_kind_works_alone(only: str, settings: dict[str, str]) -> None:
    good = {"api_keys": "plain", "jwt_keys": signing.token("ES256")}
    alone = gatekeeper(**{only: settings[only]})
    alone.admit({"authorization": f"Bearer {good[only]}"})
    (other,) = good.keys() - {only}
    with pytest.raises(Unauthorized):
        alone.admit({"authorization": f"Bearer {good[other]}"})
    with pytest.raises(Unauthorized, match="this server wants"):
        alone.admit({})


def test_refusals_are_counted_in_the_log(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    keeper = gatekeeper(**settings)
    for _ in range(50):
        with pytest.raises(Unauthorized):
            keeper.admit({"x-api-key": "guess"})
    said = [text for text in caplog.messages if "refused" in text]
    assert said == ["refused 1 request(s): no key, or none of ours"]
