"""A URI is shown without what may be secret."""

from __future__ import annotations

import pytest

from inferry_storage import uris


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://host/a.onnx", "https://host/a.onnx"),
        ("https://me:secret@host:8443/a?sig=secret#x", "https://host:8443/a"),
        ("https://[broken", "https://…"),
        ("./a?b", "./a?b"),
    ],
)
def test_secrets_are_not_shown(uri: str, shown: str) -> None:
    assert uris.shown(uri) == shown


def test_a_path_is_a_file() -> None:
    assert uris.scheme("C/models") == uris.scheme("/models") == "file"
    assert uris.scheme("HTTPS://host") == "https"
