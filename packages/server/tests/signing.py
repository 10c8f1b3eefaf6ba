"""Keys and tokens for the tests, made anew for each run."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
_ALGORITHMS = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def public(algorithm: str, **more: Any) -> dict[str, Any]:
    """Return the public key as a JWK."""
    key = PRIVATE[algorithm].public_key()
    return {**_ALGORITHMS[algorithm].to_jwk(key, as_dict=True), **more}


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def write(path: Path, *keys: dict[str, Any]) -> str:
    path.write_text(jwks(*keys))
    return str(path)


def token(algorithm: str = "RS256", *, kid: str = "", **claims: Any) -> str:
    """Return a token that counts for a minute; a claim None is left out."""
    payload = {"sub": "ann", "exp": time.time() + 60, **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    headers = {"kid": kid} if kid else None
    return jwt.encode(payload, PRIVATE[algorithm], algorithm, headers=headers)
