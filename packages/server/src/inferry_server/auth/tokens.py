"""JSON Web Tokens, checked with the public keys of a JWKS file.

Which algorithm a key is for follows from the key and never from the token, so neither
``none`` nor a public key used as a shared secret gets anywhere. Source: RFC 7517, 7519
and 8725 ("JSON Web Token Best Current Practices").
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from inferry.errors import SettingsError
from inferry_server.auth.watched import Watched
from inferry_server.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: (kty, crv) of a key -> the algorithm that it signs with.
_ALGORITHMS: Mapping[tuple[str, str], str] = {
    ("RSA", ""): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
#: Seconds that the clocks of issuer and server may differ.
_LEEWAY = 30
_LONGEST = 16 * 1024
_MOST_KEYS = 100
_INSTALL = "pip install 'inferry-server[jwt]'"


class _Key(Struct, frozen=True):
    id: str
    algorithm: str
    key: Any


class Tokens:
    """Tokens that a key of the JWKS file *path* has signed.

    They are of *issuer* and for *audience*; an empty one takes any.

    Raises:
        SettingsError: The file cannot be used, or PyJWT is not installed.

    """

    def __init__(self, path: str, *, issuer: str = "", audience: str = "") -> None:
        _check_installed()
        self._keys = Watched(path, read_keys, "the JWKS file")
        self._issuer = issuer
        self._audience = audience

    def subject(self, token: str) -> str:
        """Return whom *token* is about.

        Raises:
            Unauthorized: It is none, or not one that counts here and now.

        """
        import jwt

        if len(token) > _LONGEST:
            raise Unauthorized("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            claims = self._claims(token, header)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthorized(_explain(error)) from None
        return str(claims.get("sub", ""))

    def _claims(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        import jwt

        for key in self._keys.value:
            if header.get("alg") != key.algorithm:
                continue
            if key.id and header.get("kid", key.id) != key.id:
                continue
            try:
                return jwt.decode(
                    token,
                    key.key,
                    algorithms=[key.algorithm],
                    issuer=self._issuer or None,
                    audience=self._audience or None,
                    leeway=_LEEWAY,
                    options={
                        "require": ["exp"],
                        "verify_aud": bool(self._audience),
                        "verify_iss": bool(self._issuer),
                    },
                )
            except jwt.InvalidSignatureError:
                continue
        raise jwt.InvalidSignatureError


def _check_installed() -> None:
    try:
        import jwt
        from jwt.algorithms import has_crypto
    except ImportError:
        found = False
    else:
        found = bool(jwt and has_crypto)
    if not found:
        raise SettingsError(f"tokens need PyJWT with its crypto extra: {_INSTALL}")


def _explain(error: Exception) -> str:
    """Say what is wrong with a token, of which nothing is repeated."""
    import jwt

    texts: tuple[tuple[type[Exception], str], ...] = (
        (jwt.ExpiredSignatureError, "the token has expired"),
        (jwt.ImmatureSignatureError, "the token is not valid yet"),
        (jwt.InvalidAudienceError, "the token is for another audience"),
        (jwt.InvalidIssuerError, "the token is of another issuer"),
        (jwt.MissingRequiredClaimError, "the token lacks exp, aud or iss"),
        (jwt.InvalidSignatureError, "no key of this server has signed the token"),
    )
    return next(
        (text for kind, text in texts if isinstance(error, kind)),
        "the token is not valid",
    )


def read_keys(text: str) -> tuple[_Key, ...]:
    """Return the keys of a JWKS document that sign.

    Raises:
        SettingsError: It is none, holds a secret, or has nothing to check with.

    """
    try:
        items = json.loads(text)["keys"]
        entries = [dict(item) for item in items]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SettingsError('it must read {"keys": [...]}') from None
    if len(entries) > _MOST_KEYS:
        raise SettingsError(f"it has {len(entries)} keys, at most {_MOST_KEYS}")
    keys = [key for at, entry in enumerate(entries) if (key := _key(entry, at))]
    if not keys:
        raise SettingsError(
            f"it has no key for {', '.join(_ALGORITHMS.values())} signatures"
        )
    return tuple(keys)


def _key(entry: Mapping[str, Any], at: int) -> _Key | None:
    import jwt

    if entry.get("kty") == "oct" or "d" in entry:
        raise SettingsError(f"keys[{at}] is secret; keep only public keys in this file")
    if entry.get("use", "sig") != "sig":
        return None
    kind = (str(entry.get("kty", "")), str(entry.get("crv", "")))
    algorithm = _ALGORITHMS.get(kind)
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        logger.warning("keys[%d] of the JWKS file is of a kind that is not used", at)
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SettingsError(f"keys[{at}] cannot be read: {error}") from None
    return _Key(str(entry.get("kid", "")), algorithm, key)
