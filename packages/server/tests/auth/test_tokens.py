"""Tokens that count, and the many that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from inferry.errors import SettingsError
from inferry_server.auth.tokens import Tokens, read_keys
from inferry_server.errors import Unauthorized

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> str:
    return signing.write(
        tmp_path / "jwks.json",
        signing.public("RS256", kid="r", use="sig", alg="RS256"),
        signing.public("ES256", kid="e"),
        signing.public("EdDSA"),
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_signed_token_counts(algorithm: str, path: str) -> None:
    assert Tokens(path).subject(signing.token(algorithm)) == "ann"


def test_the_kid_chooses_the_key(path: str) -> None:
    assert Tokens(path).subject(signing.token("RS256", kid="r")) == "ann"
    with pytest.raises(Unauthorized, match="no key of this server has signed"):
        Tokens(path).subject(signing.token("RS256", kid="other"))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": time.time() - 60}, "the token has expired"),
        ({"exp": None}, "the token lacks exp"),
        ({"nbf": time.time() + 600}, "the token is not valid yet"),
        ({"aud": "others"}, "the token is for another audience"),
        ({"aud": None}, "the token lacks exp, aud or iss"),
        ({"iss": "others"}, "the token is of another issuer"),
        ({"iss": None}, "the token lacks exp, aud or iss"),
    ],
)
def test_claims_must_fit(claims: dict[str, Any], message: str, path: str) -> None:
    good = {"aud": ["us", "more"], "iss": "idp"}
    tokens = Tokens(path, issuer="idp", audience="us")
    assert tokens.subject(signing.token(**good)) == "ann"
    with pytest.raises(Unauthorized) as caught:
        tokens.subject(signing.token(**{**good, **claims}))
    assert message in str(caught.value)


def test_clocks_may_differ_a_little(path: str) -> None:
    now = time.time()
    assert Tokens(path).subject(signing.token(exp=now - 5, nbf=now + 5)) == "ann"


def test_without_an_audience_any_counts(path: str) -> None:
    assert Tokens(path).subject(signing.token(aud="whoever", iss="who")) == "ann"


def part(document: dict[str, Any]) -> str:
    text = json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(algorithm: str) -> str:
    claims = {"sub": "mallory", "exp": time.time() + 60}
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def signed_with_the_public_key() -> str:
    """Return a token of HS256 whose secret is the PEM of the public key."""
    pem = (
        signing.PRIVATE["RS256"]
        .public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )
    text = unsigned("HS256")[:-1]
    mac = hmac.new(pem, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def of_a_stranger() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode({"exp": time.time() + 60}, key, "RS256")


@pytest.mark.parametrize(
    "token",
    [
        unsigned("none"),
        unsigned("None"),
        unsigned("RS256"),
        signed_with_the_public_key(),
        of_a_stranger(),
        "a.b.c",
        "..",
        "",
        "é.é.é",
        f"{part({'alg': ['RS256']})}.e30.",
        f"{part({'alg': 'RS256', 'kid': 7})}.e30.",
        "x" * 20_000,
    ],
)
def test_forged_tokens_do_not_count(token: str, path: str) -> None:
    with pytest.raises(Unauthorized):
        Tokens(path).subject(token)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'it must read {"keys": [...]}'),
        ("[]", 'it must read {"keys": [...]}'),
        ('{"keys": 1}', 'it must read {"keys": [...]}'),
        ('{"keys": ["a"]}', 'it must read {"keys": [...]}'),
        ('{"keys": []}', "it has no key for RS256, ES256, EdDSA signatures"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "keys[0] is secret"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB", "d": "x"}]}', "keys[0] is secret"),
        ('{"keys": [{"kty": "RSA"}]}', "keys[0] cannot be read"),
        ('{"keys": [{"kty": "EC", "crv": "P-521"}]}', "it has no key for"),
        ('{"keys": [{"kty": "RSA", "use": "enc"}]}', "it has no key for"),
    ],
)
def test_a_file_of_no_use_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_keys(text)
    assert message in str(caught.value)


def test_a_missing_extra_is_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(SettingsError, match=r"pip install 'inferry-server\[jwt\]'"):
        Tokens(path)
