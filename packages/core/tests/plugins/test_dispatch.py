"""Which storage backends read a URI."""

from __future__ import annotations

from inferry.plugins import ImportRef, Provided, StorageBackend, backends_for

CLIENT = ImportRef("acme:Client")
WEB = StorageBackend(name="web", schemes=("https",), client=CLIENT)
HUB = StorageBackend(
    name="hub", schemes=(), uri_patterns=(r"https://hub\.",), client=CLIENT
)
TEAM = StorageBackend(
    name="team",
    schemes=("team",),
    uri_patterns=(r"https://hub\.example/team/", r"https://hub\.example/(team)/"),
    client=CLIENT,
)
PLAIN = StorageBackend(name="plain", schemes=("file",), client=CLIENT)


def names(uri: str, *backends: StorageBackend) -> list[str]:
    provided = [
        Provided(descriptor=each, plugin=each.name, distribution="acme", version="1")
        for each in backends
    ]
    return [each.descriptor.name for each in backends_for(uri, provided)]


def test_the_scheme_decides_where_no_pattern_matches() -> None:
    assert names("https://elsewhere/a", WEB, HUB, TEAM) == ["web"]
    assert names("TEAM://a", WEB, HUB, TEAM) == ["team"]
    assert names("/a/b", WEB, PLAIN) == ["plain"]


def test_the_longest_pattern_wins() -> None:
    assert names("https://hub.example/a", WEB, HUB, TEAM) == ["hub"]
    assert names("https://hub.example/team/a", WEB, HUB, TEAM) == ["team"]


def test_a_tie_returns_all_that_tie() -> None:
    other = StorageBackend(
        name="other", schemes=(), uri_patterns=(r"https://hub\.",), client=CLIENT
    )
    assert names("https://hub.example/a", HUB, other) == ["hub", "other"]


def test_none_reads_an_unknown_scheme() -> None:
    assert names("s3://a", WEB, PLAIN) == []
