"""What a registry wants to see with each request, got as its challenges say.

Docker's token authentication, which all registries speak, and basic authentication.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.storage import AccessDenied, Corrupt, Unauthenticated, shown_uri
from inferry_storage.backends.oci.logins import Challenge, Login, login_of, token_in
from inferry_storage.network.endpoints import Origin
from inferry_storage.network.exchange import text
from inferry_storage.network.faults import refused

if TYPE_CHECKING:
    from inferry.storage import Credentials
    from inferry_storage.backends.oci.reference import Reference
    from inferry_storage.network.exchange import Exchange

#: KServe's consent to plain http, for registries alone.
INSECURE = "KSERVE_OCI_INSECURE_REGISTRY"


class Authorization:
    """The header for one repository, empty until the registry asks for one."""

    def __init__(
        self, reference: Reference, credentials: Credentials, exchange: Exchange
    ) -> None:
        self._reference = reference
        self._values = credentials.values
        self._rung = credentials.rung
        self._exchange = exchange
        self.header = ""

    def private(self) -> dict[str, str]:
        """Return the headers for the registry and nobody else."""
        return {"Authorization": self.header} if self.header else {}

    async def renew(self, base: str, header: str, stale: str) -> None:
        """Do what a challenge of *base* asks, unless another has since *stale*.

        Raises:
            Unauthenticated: Nobody here can, or the token server refuses.

        """
        if self.header != stale:
            return
        challenge = Challenge.of(header)
        if challenge is None:
            raise self._no_login("asks for a login of an unknown kind")
        login = await self._login(base)
        if challenge.scheme == "basic":
            if not login.header:
                raise self._no_login("asks for user and password")
            self.header = login.header
        elif login.registry_token:
            self.header = f"Bearer {login.registry_token}"
        else:
            self.header = f"Bearer {await self._token(challenge, login, base)}"

    async def _login(self, base: str) -> Login:
        """Return what opens the registry, nothing where it would go in plain sight.

        That http is allowed lets models come over it, and no password go; whoever
        names the registry with http:// says more.
        """
        named = Origin.of(base) in self._exchange.guard.endpoints
        if not (base.startswith("https:") or named or self._values.get(INSECURE)):
            return Login()
        host = self._reference.host
        return await asyncio.to_thread(login_of, self._values, self._rung, host)

    async def _token(self, challenge: Challenge, login: Login, base: str) -> str:
        try:
            return await self._asked(challenge, login, base)
        except (AccessDenied, Corrupt):
            raise
        except StorageError as error:
            shown = shown_uri(self._reference.uri)
            said = f"{shown}: its token server: {error.message}"
            raise type(error)(said, remedy=error.remedy) from None

    async def _asked(self, challenge: Challenge, login: Login, base: str) -> str:
        uri, repository = self._reference.uri, self._reference.repository
        realm = self._exchange.guard.origin(challenge.realm)
        # What is secret goes over plain http to nobody but the registry itself, which
        # the operator named so.
        if realm.scheme != "https" and realm != Origin.of(base):
            login = Login()
        if login.identity_token:
            form = challenge.refreshing(repository, login.identity_token)
            asking = self._exchange.ask("POST", challenge.realm, form=form)
        else:
            private = {"Authorization": login.header} if login.header else {}
            url = challenge.token_url(repository)
            asking = self._exchange.ask("GET", url, private=private)
        async with asking as answer:
            if not answer.is_success:
                raise refused(
                    uri,
                    answer.status_code,
                    answer.headers,
                    rung=self._rung,
                    remedy=f"log in to {self._reference.host}",
                )
            return token_in(uri, await text(answer))

    def _no_login(self, why: str) -> Unauthenticated:
        return Unauthenticated(
            f"{shown_uri(self._reference.uri)}: the registry {why}",
            rung=self._rung,
            remedy=f"log in with docker login {self._reference.host}, or name a secret "
            "of type kubernetes.io/dockerconfigjson",
        )
