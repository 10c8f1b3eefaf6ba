"""Every spelling of a repository, pip's and KServe's among them."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri
from inferry_storage.backends.git.address import Address, parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
URL = "https://host/group/repo.git"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"git+{URL}@{COMMIT}", Address(url=URL, revision=COMMIT)),
        (f"{URL}@{COMMIT}", Address(url=URL, revision=COMMIT)),
        (f"{URL}@{COMMIT}#a/b", Address(url=URL, revision=COMMIT, path="a/b")),
        (f"{URL}@{COMMIT}#subdirectory=a", Address(url=URL, revision=COMMIT, path="a")),
        (URL, Address(url=URL)),
        (f"{URL}/", Address(url=URL)),
        (f"{URL}@release/1.0", Address(url=URL, revision="release/1.0")),
        (
            f"git+https://me@host:8443/repo@{COMMIT}",
            Address(url="https://host:8443/repo", revision=COMMIT, user="me"),
        ),
    ],
)
def test_an_address_names_a_repository(uri: str, expected: Address) -> None:
    assert parse(uri) == expected


def test_only_forty_characters_are_a_commit() -> None:
    assert parse(f"{URL}@{COMMIT}").commit == COMMIT
    assert parse(f"{URL}@{COMMIT[:12]}").commit == ""


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"{URL}@", "is not the address"),
        (f"{URL}@--upload-pack=x", "is not the address"),
        (f"{URL}@{COMMIT}#../x", "is not the address"),
        (f"{URL}@{COMMIT}#.git/hooks", "is not the address"),
        (f"{URL}?x=1@{COMMIT}", "is not the address"),
        (f"{URL}/info/refs@{COMMIT}", "is not the address"),
        (f"git+https://host/@{COMMIT}", "is not the address"),
        (f"git+https:///repo.git@{COMMIT}", "is not the address"),
        (f"git+https://host:x/repo.git@{COMMIT}", "is not the address"),
        (f"git://host/repo.git@{COMMIT}", "not encrypted"),
    ],
)
def test_what_is_no_address_is_refused(uri: str, said: str) -> None:
    with pytest.raises(InvalidUri, match=said) as caught:
        parse(uri)

    assert caught.value.remedy


def test_a_password_is_no_part_of_the_address() -> None:
    found = parse(f"https://me:canary@host/repo.git@{COMMIT}")

    assert found.user == "me"
    assert "canary" not in repr(found)
