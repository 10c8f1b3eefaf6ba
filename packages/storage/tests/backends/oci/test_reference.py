"""What the URI of an image names."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri
from inferry_storage.backends.oci.reference import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("uri", "host", "repository", "version"),
    [
        ("oci://reg.example/a/b:v1", "reg.example", "a/b", "v1"),
        ("oci+fetch://reg.example:5000/a", "reg.example:5000", "a", "latest"),
        ("oci://localhost/a:V_1.0-x", "localhost", "a", "V_1.0-x"),
        ("oci://[::1]:5000/a", "[::1]:5000", "a", "latest"),
        (f"oci://reg.example/a@{DIGEST}", "reg.example", "a", DIGEST),
        (f"oci://reg.example/a:v1@{DIGEST}", "reg.example", "a", DIGEST),
        ("oci://team/model", "docker.io", "team/model", "latest"),
        ("oci://model:v1", "docker.io", "library/model", "v1"),
        ("oci://index.docker.io/team/model", "docker.io", "team/model", "latest"),
    ],
)
def test_an_image_has_registry_repository_and_version(
    uri: str, host: str, repository: str, version: str
) -> None:
    found = Reference.of(uri)

    assert (found.host, found.repository) == (host, repository)
    assert found.version == version


def test_docker_hub_answers_at_another_address() -> None:
    assert Reference.of("oci://team/model").address == "registry-1.docker.io"


@pytest.mark.parametrize(
    "uri",
    [
        "oci://",
        "oci://reg.example/",
        "oci://reg.example/A",
        "oci://reg.example/a/../b",
        "oci://reg.example/a//b",
        "oci://reg.example/a:",
        "oci://reg.example/a:-v",
        "oci://reg.example/a@md5:1",
        "oci://reg.example/a@sha256:0",
        "oci://reg.example/a?x=1",
        "oci://reg.example/a#x",
        "oci://user:secret@reg.example/a",
        "oci://reg.example:99x/a",
        "oci://reg.example/" + "a" * 300,
        "oci://reg%2fexample.com/a",
    ],
)
def test_what_is_no_image_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="write it as oci://") as caught:
        Reference.of(uri)
    assert "secret" not in str(caught.value)
