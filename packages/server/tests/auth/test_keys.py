"""API keys as files hold them."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import pytest

from inferry.errors import SettingsError
from inferry_server.auth.keys import ApiKeys, read_keys

if TYPE_CHECKING:
    from pathlib import Path

HASH = hashlib.sha256(b"hashed-key").hexdigest()
FILE = f"""
# who may ask
plain-key
ann:anns-key
sha256:{HASH}
bob:sha256:{hashlib.sha256(b"bobs-key").hexdigest().upper()}
"""


def written(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def test_each_kind_of_line_is_a_key(tmp_path: Path) -> None:
    keys = ApiKeys(written(tmp_path / "keys", FILE))
    names = {
        key: keys.name_of(key)
        for key in ("plain-key", "anns-key", "hashed-key", "bobs-key")
    }
    assert names == {
        "plain-key": "line 3",
        "anns-key": "ann",
        "hashed-key": "line 5",
        "bobs-key": "bob",
    }


@pytest.mark.parametrize(
    "key", ["", "plain-ke", "ann", HASH, f"sha256:{HASH}", "\udc80"]
)
def test_nothing_else_is_a_key(key: str, tmp_path: Path) -> None:
    assert ApiKeys(written(tmp_path / "keys", FILE)).name_of(key) is None


def test_keys_may_stand_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEYS", "a:one\ntwo")
    keys = ApiKeys("env:SOME_KEYS")
    assert keys.name_of("one") == "a"
    assert keys.name_of("two") == "line 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no key in it"),
        ("# nothing", "there is no key in it"),
        ("good\nsecret with spaces", "line 2 is no key"),
        ("ann:schlüssel", "line 1 is no key"),
    ],
)
def test_what_is_no_key_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_keys(text)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file of API keys"):
        ApiKeys(str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="'NO_SUCH_VARIABLE' of API keys is not"):
        ApiKeys("env:NO_SUCH_VARIABLE")


def test_a_key_in_place_of_a_file_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        ApiKeys("a-secret-of-mine")
    assert "a-secret-of-mine" not in str(caught.value)


def test_a_file_that_all_may_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys"
    ApiKeys(written(path, "k"))
    assert not caplog.messages
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        ApiKeys(str(path))
    assert "may be read by everybody here; chmod 600 it" in caplog.text
