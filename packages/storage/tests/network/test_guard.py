"""May a URL be asked, and at which address."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from inferry.storage import BlockedAddress, InvalidUri, NotAllowed
from inferry_storage.network.endpoints import Origin
from inferry_storage.network.guard import Guard
from inferry_storage.policy import Policy


def guard(*endpoints: str, **settings: Any) -> Guard:
    return Guard.of(Policy.of({**settings, "endpoints": endpoints}), {})


def test_https_may_be_asked() -> None:
    expected = Origin("https", "example.com", 443)

    assert guard().check(httpx.URL("https://EXAMPLE.com./a")) == expected


def test_http_needs_consent() -> None:
    with pytest.raises(NotAllowed, match="set \\[storage\\] allow_http = true"):
        guard().check(httpx.URL("http://example.com/a"))

    assert guard(allow_http=True).check(httpx.URL("http://example.com/a"))
    assert guard("http://example.com").check(httpx.URL("http://example.com/a"))


@pytest.mark.parametrize("uri", ["ftp://example.com/", "file://example.com/etc"])
def test_other_schemes_are_refused(uri: str) -> None:
    with pytest.raises(BlockedAddress, match="is not https"):
        guard(allow_http=True).check(httpx.URL(uri))


@pytest.mark.parametrize(
    "uri", ["https:///a", "https://xn--/", "nonsense", "https://["]
)
def test_what_is_no_url_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri):
        guard().origin(uri)


def test_an_error_shows_no_secret() -> None:
    with pytest.raises(NotAllowed) as caught:
        guard().origin("http://user:secret@example.com/a?sig=secret#secret")

    assert "secret" not in str(caught.value)


def test_a_blocked_address_says_how_to_allow_it() -> None:
    with pytest.raises(BlockedAddress, match=r'allow_networks = \["127\.0\.0\.1/32"\]'):
        guard().lookup("127.0.0.1", 80)

    allowed = guard(allow_networks=("127.0.0.1/32",))
    assert allowed.lookup("127.0.0.1", 80) == ["127.0.0.1"]
    assert guard("http://127.0.0.1:9").lookup("127.0.0.1", 9) == ["127.0.0.1"]


async def test_both_lookups_agree() -> None:
    named = guard("http://localhost:9")

    assert await named.lookup_async("localhost", 9) == named.lookup("localhost", 9)
