"""Lets in whoever has a key or a token."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from inferry_server.auth.keys import ApiKeys
from inferry_server.auth.tokens import Tokens
from inferry_server.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.settings import ServerSettings

logger = logging.getLogger(__name__)

#: Seconds between two lines about refusals.
_LOG_EVERY = 10.0
_HOW = "send it as 'Authorization: Bearer ...'"
_HOW_KEY = f"{_HOW} or 'X-API-Key: ...'"
_SEPARATORS_OF_JWT = 2


class Gatekeeper:
    """Knows callers by API key, by token, or by either."""

    def __init__(self, keys: ApiKeys | None, tokens: Tokens | None) -> None:
        self._keys = keys
        self._tokens = tokens
        self._refused = 0
        self._logged = -_LOG_EVERY

    @classmethod
    def of(cls, settings: ServerSettings) -> Gatekeeper | None:
        """Return what *settings* ask for, None where everybody may ask.

        Raises:
            SettingsError: A file of keys cannot be used.

        """
        if not settings.api_keys and not settings.jwt_keys:
            return None
        keys = ApiKeys(settings.api_keys) if settings.api_keys else None
        tokens = None
        if settings.jwt_keys:
            tokens = Tokens(
                settings.jwt_keys,
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
            )
        return cls(keys, tokens)

    def admit(self, headers: Mapping[str, str]) -> str:
        """Return the name of the caller with *headers*, by lower-case name.

        Raises:
            Unauthorized: It has shown nothing, or nothing that counts.

        """
        try:
            return self._name_of(headers)
        except Unauthorized:
            self._count_refusal()
            raise

    def _count_refusal(self) -> None:
        """Log how many were refused, now and then: a guesser must not fill the log."""
        self._refused += 1
        now = time.monotonic()
        if now - self._logged >= _LOG_EVERY:
            logger.warning(
                "refused %d request(s): no key, or none of ours", self._refused
            )
            self._refused = 0
            self._logged = now

    def _name_of(self, headers: Mapping[str, str]) -> str:
        key = headers.get("x-api-key", "")
        if key and self._keys is not None:
            return self._by_key(key, self._keys)
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthorized(self._missing())
        is_token = credentials.count(".") == _SEPARATORS_OF_JWT
        if self._tokens is None or (self._keys is not None and not is_token):
            return self._by_key(credentials, self._keys)
        try:
            return self._tokens.subject(credentials)
        except Unauthorized:
            name = self._keys.name_of(credentials) if self._keys else None
            if name is None:
                raise
            return name

    def _by_key(self, key: str, keys: ApiKeys | None) -> str:
        name = keys.name_of(key) if keys is not None else None
        if name is None:
            raise Unauthorized("this API key is not known here")
        return name

    def _missing(self) -> str:
        if self._keys is None:
            return f"this server wants a token; {_HOW}"
        if self._tokens is None:
            return f"this server wants an API key; {_HOW_KEY}"
        return f"this server wants a token or an API key; {_HOW_KEY}"
