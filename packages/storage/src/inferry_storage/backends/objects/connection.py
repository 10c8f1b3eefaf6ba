"""How connections to object stores are made, and what they wait for."""

from __future__ import annotations

import functools
import re
import ssl
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.network.endpoints import Endpoints, Origin
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ClientConfig, RetryConfig

    from inferry.storage import Access, Source

_CONNECT_SECONDS = 15.0
# Time for a whole body: what stalls is ended by the time for one read.
_BODY = "7d"
_MOST_RETRIES = 10
_MOST_SECONDS = 86_400.0
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,6})?")
_MOST_BUNDLE = 16 * 2**20
#: The proxy for all hosts but the one of the store: nothing ever listens there.
NOWHERE = "http://127.0.0.1:0"
#: Where systems keep the authorities that they trust.
_SYSTEM = ("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls/certs")
_PEM = "-----BEGIN CERTIFICATE"


def client_options(
    access: Access, endpoint: str, *, insecure: bool = False, held: bool = False
) -> ClientConfig:
    """Return the options of obstore's HTTP client for *endpoint*.

    It follows redirects wherever they lead, with the token of a session. So where the
    endpoint is https it is held to https, and *held* to its own host where it needs no
    other: a store then cannot send us to the metadata of a cloud.

    Raises:
        NotAllowed: A time is no number, or the authorities cannot be read.

    """
    values = access.credentials.values
    stall = float(access.settings.get("stall_seconds") or 30.0)
    options: ClientConfig = {
        # Which endpoint may be http is decided before.
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": _time(values, "S3_CONNECT_TIMEOUT", _CONNECT_SECONDS),
        "read_timeout": _time(values, "S3_READ_TIMEOUT", stall),
        "timeout": _BODY,
        "user_agent": "inferry-storage",
    }
    if held and not _has_proxy(endpoint):
        options["proxy_url"] = NOWHERE
        options["proxy_excludes"] = urlsplit(endpoint).hostname or ""
    if insecure:
        options["allow_invalid_certificates"] = True
    elif bundle := authorities(values) or browsers_authorities():
        options["root_certificate"] = bundle
    return options


def _has_proxy(endpoint: str) -> bool:
    """Say whether obstore asks a proxy of the environment, which then decides."""
    parts = urlsplit(endpoint)
    named = {parts.scheme, "all"} & getproxies_environment().keys()
    return bool(named) and not proxy_bypass(parts.netloc)


def retries(access: Access) -> RetryConfig:
    """Return how often obstore asks again: never, unless ``S3_MAX_ATTEMPTS`` says so.

    The engine does, per part, with jitter and inside the deadline.

    Raises:
        NotAllowed: It is no number.

    """
    text = access.credentials.values.get("S3_MAX_ATTEMPTS", "")
    if text and not re.fullmatch(r"\d{1,3}", text):
        raise _bad("S3_MAX_ATTEMPTS")
    most = min(max(int(text) - 1, 0), _MOST_RETRIES) if text else 0
    return {
        "max_retries": most,
        "retry_timeout": timedelta(minutes=3),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }


def checked_endpoint(
    access: Access, source: Source, endpoint: str, *, insecure: bool = False
) -> str:
    """Return *endpoint* if it may be asked, *insecure* without checking who answers.

    One of the credentials or the settings is the operator's, and may be private and
    plain http. One of the service's own ``storage.parameters`` is not.

    Raises:
        StorageError: It may not.

    """
    chosen = {str(value).rstrip("/") for value in source.parameters.values()}
    own = endpoint.rstrip("/") in chosen or endpoint.partition("://")[2] in chosen
    try:
        origin = Origin.of(endpoint)
    except InvalidUri:
        raise _bad("the address of the store") from None
    if origin.scheme not in {"http", "https"}:
        raise _bad("the address of the store")
    policy = Policy.of(access.settings)
    if own and origin not in Endpoints.of(policy.endpoints, {}):
        if insecure:
            raise NotAllowed(
                f"{endpoint}, of storage.parameters, goes without a certificate",
                remedy="ask the operator to add it to [storage] endpoints",
            )
        _check_public(endpoint, origin, policy)
    return endpoint


def _check_public(endpoint: str, origin: Origin, policy: Policy) -> None:
    """Let through what any service may ask: https, at a public address."""
    import httpcore
    import httpx

    from inferry_storage.network.guard import Guard

    guard = Guard(policy)
    guard.check(httpx.URL(endpoint))
    try:
        guard.lookup(origin.host, origin.port)
    except httpcore.ConnectError:
        # What has no address cannot be connected to either, and says so then.
        return


def _time(values: Mapping[str, str], name: str, default: float) -> timedelta:
    text = values.get(name, "").strip()
    if text and not _SECONDS.fullmatch(text):
        raise _bad(name)
    return timedelta(seconds=min(float(text), _MOST_SECONDS) if text else default)


def authorities(values: Mapping[str, str]) -> bytes | None:
    """Return the operator's own authorities, as PEM."""
    given = values.get("CA_BUNDLE") or values.get("AWS_CA_BUNDLE") or ""
    if not given or _PEM in given:
        return given.encode() or None
    try:
        with Path(given).open("rb") as file:
            pem = file.read(_MOST_BUNDLE)
    except OSError:
        pem = b""
    if _PEM.encode() not in pem:
        raise NotAllowed(
            f"{given} holds no certificate that can be read",
            remedy="name a PEM file with the certificates of your authorities as "
            "AWS_CA_BUNDLE or SSL_CERT_FILE",
        )
    return pem


def browsers_authorities() -> bytes | None:
    """Return what browsers trust where the system trusts nobody, as PEM.

    Without any authority obstore asks nobody at all, not even over plain http.
    """
    paths = ssl.get_default_verify_paths()
    places = (paths.cafile, paths.capath, *_SYSTEM)
    if any(place and _has_something(Path(place)) for place in places):
        return None
    return _of_httpx()


@functools.cache
def _of_httpx() -> bytes:
    import httpx

    trusted = httpx.create_ssl_context(trust_env=False).get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in trusted).encode()


def _has_something(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.is_file()


def _bad(name: str) -> NotAllowed:
    return NotAllowed(f"{name} is not what it can be", remedy=f"correct {name}")
