"""Where a request goes over redirects, and what it takes along."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.network.guard import Guard
from inferry_storage.network.walk import MAX_REDIRECTS, Walk
from inferry_storage.policy import Policy

SECRET = {"Authorization": "Bearer secret"}


def walk(uri: str = "https://a.example/m") -> Walk:
    return Walk(Guard(Policy.of({})), uri, headers={"Range": "x"}, private=SECRET)


@pytest.mark.parametrize(
    ("location", "same"),
    [
        ("/other", True),
        ("https://a.example/other", True),
        ("https://a.example:443/other", True),
        ("https://A.EXAMPLE/other", True),
        ("https://a.example:444/other", False),
        ("https://b.a.example/other", False),
        ("//b.example/other", False),
        ("https://a.example@b.example/", False),
    ],
)
def test_secrets_stay_with_their_origin(location: str, *, same: bool) -> None:
    going = walk()

    assert going.moved(302, location)

    assert ("Authorization" in going.headers()) is same
    assert "Range" in going.headers()


def test_secrets_come_back_with_their_origin() -> None:
    going = walk()
    going.moved(302, "https://b.example/")
    going.moved(302, "https://a.example/")

    assert "Authorization" in going.headers()


def test_a_password_is_a_header_and_not_in_the_url() -> None:
    going = Walk(Guard(Policy.of({})), "https://me:p%40ss@a.example/m#frag")

    assert str(going.url) == "https://a.example/m"
    assert going.headers() == {"Authorization": "Basic bWU6cEBzcw=="}


def test_a_walk_has_an_end() -> None:
    going = walk()
    for _ in range(MAX_REDIRECTS):
        assert going.moved(302, "/m")

    with pytest.raises(NotAllowed, match="more than 5 times"):
        going.moved(302, "/m")


def test_http_is_no_place_to_go_on_to() -> None:
    with pytest.raises(NotAllowed, match=r"redirects: http://b\.example/ is http"):
        walk().moved(302, "http://b.example/?sig=secret")


@pytest.mark.parametrize("location", ["https://[", "https://a:b:c/", "https://xn--/"])
def test_nonsense_is_no_place(location: str) -> None:
    with pytest.raises(InvalidUri):
        walk().moved(302, location)


@pytest.mark.parametrize("status", [200, 206, 300, 304, 404])
def test_other_answers_lead_nowhere(status: int) -> None:
    assert not walk().moved(status, "https://b.example/")


def test_a_redirect_to_nowhere_is_told() -> None:
    with pytest.raises(InvalidUri, match="redirects and does not say where to"):
        walk().moved(302, "")


def test_errors_name_what_was_asked_for() -> None:
    going = Walk(Guard(Policy.of({})), "https://hub.example/api/m", shown="hf://o/m")
    with pytest.raises(InvalidUri, match=r"^hf://o/m redirects and does not say"):
        going.moved(302, "")
