"""Where the API server is, and who we are to it.

The official client reads kubeconfigs (certificates, tokens, exec plugins, OIDC) and the
ServiceAccount of a pod; what it read is kept fresh here, and no value of it ever enters
a message.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from inferry.errors import BackendError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubernetes.aio.client import Configuration

_log = logging.getLogger(__name__)

#: Seconds after which a token file, or the expiry of a token, is looked at again.
REFRESH = 60.0
#: Seconds an exec plugin or an identity provider has to answer.
PATIENCE = 60.0
_AGAIN = 10.0


class Loader(Protocol):
    """Reads credentials into a `kubernetes.aio.client.Configuration`."""

    async def load(self, configuration: Configuration, *, anew: bool) -> None:
        """Fill *configuration*; *anew* where the server refused what it had."""

    @property
    def expires(self) -> bool:
        """Whether what was read may change without the server's saying so."""


class Access:
    """The address, the trust and the fresh credentials of one API server.

    Raises:
        BackendError: from `open`, where no usable configuration is found.
    """

    def __init__(self, loader: Loader, *, refresh: float = REFRESH) -> None:
        self._loader = loader
        self._refresh = refresh
        self._lock = asyncio.Lock()
        self._due = 0.0
        self._configuration: Configuration | None = None
        self._files: tuple[object, ...] = ()
        self._generation = 0
        self.url = ""
        self.host = ""
        self.proxy: str | None = None
        self.server_hostname: str | None = None
        self.ssl: ssl.SSLContext | bool = True
        self.authorization: str | None = None

    @classmethod
    def find(cls, kubeconfig: str | None = None, context: str | None = None) -> Access:
        """Return the access that kubectl would have, or that a pod has."""
        if kubeconfig is None and context is None and not _has_kubeconfig():
            if "KUBERNETES_SERVICE_HOST" not in os.environ:
                raise BackendError(
                    f"there is no kubeconfig at {_kubeconfig()}, and this is no pod",
                    remedy="set KUBECONFIG or give --kubeconfig",
                )
            return cls(InCluster())
        return cls(KubeConfig(kubeconfig or _kubeconfig(), context))

    async def open(self) -> None:
        """Read the configuration for the first time."""
        from kubernetes.aio.client import Configuration

        configuration = Configuration()
        # The class keeps a default from which every new one would be a copy.
        configuration.api_key = {}
        self._configuration = configuration
        await self._load(anew=False)
        self.url = str(configuration.host).rstrip("/")
        self.host = urlsplit(self.url).netloc
        self.server_hostname = configuration.tls_server_name or None
        self.proxy = configuration.proxy or proxy_of(self.url)

    async def fresh(self) -> None:
        """See that credentials are those of now; costs nothing most of the time."""
        if time.monotonic() < self._due:
            return
        async with self._lock:
            if time.monotonic() < self._due:
                return
            await self._again(anew=False)

    async def renewed(self, generation: int) -> bool:
        """Read the credentials again, because those of *generation* were refused.

        Whether there are others now.
        """
        async with self._lock:
            if generation != self._generation:
                return True
            await self._again(anew=True)
        return generation != self._generation

    @property
    def generation(self) -> int:
        """A number that grows whenever the credentials change."""
        return self._generation

    async def _again(self, *, anew: bool) -> None:
        """Read, or keep what there is and try again soon."""
        try:
            await self._load(anew=anew)
        except BackendError as error:
            _log.warning("the credentials could not be refreshed: %s", error)
            self._due = time.monotonic() + _AGAIN

    async def _load(self, *, anew: bool) -> None:
        configuration = self._configuration
        if configuration is None:
            raise RuntimeError("the access is not open")
        try:
            async with asyncio.timeout(PATIENCE):
                await self._loader.load(configuration, anew=anew)
        except TimeoutError:
            raise BackendError(
                f"no credentials within {PATIENCE:g} s",
                remedy="check the exec plugin or identity provider of the kubeconfig",
            ) from None
        except (OSError, ValueError) as error:
            raise BackendError(
                f"the credentials cannot be read: {one_line(error)}",
                remedy="check the files that the kubeconfig names",
            ) from None
        key = configuration.api_key.get("BearerToken")
        key = " ".join(key.split()) if key else None
        if key is None and configuration.username:
            key = configuration.get_basic_auth_token()
        files = _state(configuration)
        if key != self.authorization or files != self._files:
            self.authorization = key
            if files != self._files or self.ssl is True:
                self.ssl = context_of(configuration)
            self._files = files
            self._generation += 1
        wait = self._refresh if self._loader.expires else float("inf")
        self._due = time.monotonic() + wait


class KubeConfig:
    """Reads a kubeconfig, or several that are joined by the path separator."""

    def __init__(self, path: str, context: str | None = None) -> None:
        self._path = path
        self._context = context
        self._loader: Any = None

    async def load(self, configuration: Configuration, *, anew: bool) -> None:
        """Fill *configuration*; the exec plugin runs again where it must."""
        from kubernetes.aio import config
        from kubernetes.aio.config import ConfigException
        from yaml import YAMLError

        try:
            with _complaints() as complaints:
                if self._loader is None:
                    self._missing()
                    load: Any = config.load_kube_config
                    self._loader = await load(
                        config_file=self._path,
                        context=self._context,
                        client_configuration=configuration,
                        persist_config=False,
                    )
                else:
                    if anew:
                        self._loader.__dict__.pop("exec_plugin_expiry", None)
                    await self._loader.load_and_set(configuration)
            self._refuse_anonymity(complaints)
        except ConfigException as error:
            said = one_line(error)
            if self._context and f"with name {self._context} in" in said:
                raise BackendError(
                    f"the kubeconfig {self._path} has no context {self._context!r}",
                    remedy="list them with: kubectl config get-contexts",
                ) from None
        except YAMLError as error:
            # Its text may show a line of the file, and that a token.
            place = getattr(error, "problem_mark", None)
            said = f"line {place.line + 1} is no YAML" if place else "it is no YAML"
        except (AttributeError, KeyError, TypeError):
            # The client takes for granted that the file is built as it should be.
            said = "it is not built as a kubeconfig is"
        else:
            return
        raise BackendError(
            f"the kubeconfig {self._path} is of no use: {said}",
            remedy="check it with: kubectl config view",
        )

    def _refuse_anonymity(self, complaints: list[str]) -> None:
        """Raise where the program that gives credentials gave none.

        The client only logs that, and goes on as nobody.
        """
        user = getattr(self._loader, "_user", None)
        if not complaints or user is None or "exec" not in user:
            return
        command = user["exec"]["command"]
        said = " ".join(complaints[-1].removeprefix("exec: ").split())
        raise BackendError(
            f"the kubeconfig's program {command!r} gave no credentials: {said}",
            remedy=f"install {command}, or sign in with it; kubectl needs the same",
        )

    @property
    def expires(self) -> bool:
        """Whether a token file or the expiry of a token has to be looked at."""
        user = getattr(self._loader, "_user", None)
        if user is None:
            return False
        if "exec" in user:
            return hasattr(self._loader, "exec_plugin_expiry")
        return "tokenFile" in user or "auth-provider" in user

    def _missing(self) -> None:
        paths = [Path(each).expanduser() for each in self._path.split(os.pathsep)]
        if not any(path.is_file() for path in paths):
            raise BackendError(
                f"there is no kubeconfig at {self._path}",
                remedy="set KUBECONFIG or give --kubeconfig",
            )


class InCluster:
    """Reads what a pod is given: a token that changes, a CA, two variables."""

    expires = True

    def __init__(
        self,
        folder: str = "/var/run/secrets/kubernetes.io/serviceaccount",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._environ = os.environ if environ is None else environ

    async def load(self, configuration: Configuration, *, anew: bool) -> None:
        """Fill *configuration* with what the files hold now."""
        del anew  # the files are read every time
        from kubernetes.aio.config import ConfigException, incluster_config

        make: Any = incluster_config.InClusterConfigLoader
        loader = make(
            token_filename=str(self._folder / "token"),
            cert_filename=str(self._folder / "ca.crt"),
            try_refresh_token=False,
            environ=self._environ,
        )
        try:
            loader.load_and_set(configuration)
        except ConfigException as error:
            raise BackendError(
                f"the ServiceAccount of this pod is of no use: {one_line(error)}",
                remedy="let the pod have automountServiceAccountToken: true",
            ) from None


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what the client would only log of its troubles, instead of that."""
    found: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return True
        found.append(record.getMessage())
        return False

    logger = logging.getLogger("kubernetes.aio.config.kube_config")
    logger.addFilter(keep)
    try:
        yield found
    finally:
        logger.removeFilter(keep)


def context_of(configuration: Configuration) -> ssl.SSLContext:
    """Return the TLS context that *configuration* asks for, as the client makes it."""
    made = ssl.create_default_context(
        cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
    )
    if configuration.cert_file:
        made.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if configuration.disable_strict_ssl_verification:
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for *url*.

    Looked up once: aiohttp would do it, and read ~/.netrc, at every call.
    """
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies_environment().get(parts.scheme)


def _state(configuration: Configuration) -> tuple[object, ...]:
    """Return what tells whether the files behind TLS are those of last time."""
    names = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    return tuple((name, Path(name).stat().st_mtime_ns) for name in names if name)


def _kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _has_kubeconfig() -> bool:
    return any(
        Path(each).expanduser().is_file()
        for each in _kubeconfig().split(os.pathsep)
        if each
    )
