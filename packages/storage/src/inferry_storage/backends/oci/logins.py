"""How a registry wants to be asked: challenges, tokens, and who keeps passwords."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import httpx
import msgspec

from inferry.storage import Corrupt, Unauthenticated, shown_uri
from inferry_storage.network.walk import basic

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEME = re.compile(r"\s*([A-Za-z]+)\s+")
_FIELD = re.compile(r'\s*,?\s*([a-z_]+)=(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE)
_HELPER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HELPER_SECONDS = 20
#: Whose programs may run here: the secret of a service names none.
_OWN = frozenset({"developer", "environment"})
_HUB_KEY = "https://index.docker.io/v1/"


class Login(msgspec.Struct, frozen=True):
    """What opens a registry: a password, or a token of one of two kinds."""

    user: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    @property
    def header(self) -> str:
        """The header with user and password, empty without."""
        return basic(self.user, self.password) if self.user else ""


class Challenge(msgspec.Struct, frozen=True):
    """What the header WWW-Authenticate asks for."""

    scheme: str
    realm: str = ""
    service: str = ""

    @classmethod
    def of(cls, header: str) -> Challenge | None:
        """Read the header; None where it asks for what nobody here can give."""
        found = _SCHEME.match(header)
        if not found or found[1].lower() not in {"bearer", "basic"}:
            return None
        fields = {
            each[1].lower(): each[2] or each[3] or ""
            for each in _FIELD.finditer(header, found.end())
        }
        realm, service = fields.get("realm", ""), fields.get("service", "")
        return cls(found[1].lower(), realm, service)

    def token_url(self, repository: str) -> str:
        """Return where to get the token to pull *repository*, and nothing else."""
        asked = {"scope": f"repository:{repository}:pull"}
        if self.service:
            asked["service"] = self.service
        return str(httpx.URL(self.realm).copy_merge_params(asked))

    def refreshing(self, repository: str, token: str) -> dict[str, str]:
        """Return the form that makes such a token of an identity token (OAuth 2)."""
        return {
            "grant_type": "refresh_token",
            "service": self.service,
            "scope": f"repository:{repository}:pull",
            "client_id": "inferry",
            "refresh_token": token,
        }


def login_of(values: Mapping[str, str], rung: str, host: str) -> Login:
    """Return the login in the *values* of credentials; it may ask a helper program.

    Raises:
        Unauthenticated: The helper has none.

    """
    if helper := values.get("DOCKER_CREDENTIAL_HELPER"):
        return _helped(helper, rung, host)
    return Login(
        user=values.get("OCI_USERNAME", ""),
        password=values.get("OCI_PASSWORD", ""),
        identity_token=values.get("OCI_IDENTITY_TOKEN", ""),
        registry_token=values.get("OCI_REGISTRY_TOKEN", ""),
    )


def token_in(uri: str, body: bytes) -> str:
    """Return the token in the answer of a token server.

    Raises:
        Corrupt: There is none.

    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    token = ""
    if isinstance(found, dict):
        token = found.get("token") or found.get("access_token") or ""
    if not isinstance(token, str) or not token or not token.isascii():
        raise Corrupt(
            f"{shown_uri(uri)}: its token server sent no token",
            remedy="see whether the registry's address is right",
        )
    return token


def _helped(helper: str, rung: str, host: str) -> Login:
    """Ask the program that keeps passwords for docker and podman."""
    if rung not in _OWN or not _HELPER.fullmatch(helper):
        raise _no_login(f"a credential helper may not be named by {rung}", rung)
    server = _HUB_KEY if host == "docker.io" else host
    try:
        done = subprocess.run(  # noqa: S603 - the name was checked, no shell
            [f"docker-credential-{helper}", "get"],
            input=server.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
        user, secret = str(found["Username"]), str(found["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        said = f"docker-credential-{helper} has no login for {host}"
        raise _no_login(said, rung) from None
    if user == "<token>":
        return Login(identity_token=secret)
    return Login(user=user, password=secret)


def _no_login(said: str, rung: str) -> Unauthenticated:
    return Unauthenticated(said, rung=rung, remedy="log in with docker login")
