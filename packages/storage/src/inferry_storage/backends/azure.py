"""Azure Blob Storage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferry.storage import InvalidUri, Unauthenticated, shown_uri, uri_scheme
from inferry_storage.backends.objects.address import (
    Address,
    Parts,
    decoded,
    is_on,
    spellings,
)
from inferry_storage.backends.objects.connection import (
    checked_endpoint,
    client_options,
    retries,
)
from inferry_storage.backends.objects.storage import ObjectStorage, Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from obstore.store import AzureConfig, AzureCredential

    from inferry.storage import Access, Credentials, Source

_CONTAINER = re.compile(r"\$root|\$web|[a-z0-9](-?[a-z0-9]){2,62}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
#: The clouds of Azure, and the zones of accounts with DNS zone endpoints.
_HOST = re.compile(
    r"([a-z0-9]{3,24})(\.z\d{1,3})?\.(blob|dfs)\.(core\.windows\.net|"
    r"core\.usgovcloudapi\.net|core\.chinacloudapi\.cn|storage\.azure\.net)"
)
_IN_HOST = frozenset({"abfs", "abfss", "wasb", "wasbs"})
_OPTIONS: dict[str, str] = {
    "AZURE_TENANT_ID": "tenant_id",
    "AZURE_CLIENT_ID": "client_id",
    "AZURE_AUTHORITY_HOST": "authority_host",
}


class AzureStorage(ObjectStorage):
    """Reads blobs with the credentials, account and endpoint of its access."""

    def __init__(self, access: Access) -> None:
        super().__init__(access, Azure())


class Azure:
    """What is Azure's own."""

    name = "Azure"
    kind = "container"

    def has_md5(self, bucket: str) -> bool:
        """Return False: ETags count versions here, and obstore does not read MD5s."""
        del bucket
        return False

    def is_md5(self, md5: str, headers: Mapping[str, str]) -> bool:
        """Return False, as `has_md5` does."""
        del md5, headers
        return False

    def address(self, uri: str) -> Address:
        """Return the account, container and path of a URI.

        ``https://account.blob.core.windows.net/container/path``,
        ``abfs[s]://container@account.dfs.core.windows.net/path``,
        ``wasb[s]://container@account.blob.core.windows.net/path``, and with the
        account of the credentials ``az://container/path`` and ``azure://…``.

        Raises:
            StorageError: It names no container.

        """
        parts = Parts.of(uri)
        scheme = uri_scheme(uri)
        container, host, path = parts.authority, "", parts.path
        if scheme == "https":
            host = parts.authority
            container, _, path = path.partition("/")
        elif "@" in parts.authority and scheme in _IN_HOST:
            container, _, host = parts.authority.partition("@")
        found = _HOST.fullmatch(host)
        if (host and not found) or not _CONTAINER.fullmatch(container):
            raise _no_container(uri)
        keys = (decoded(uri, path),) if scheme == "https" else spellings(uri, path)
        signed = "sig=" in parts.query
        return Address(
            uri=uri,
            bucket=container,
            keys=keys,
            folder=path.endswith("/") or not path,
            version=None if signed else parts.option("versionid"),
            account=found[1] if found else "",
            host=host.replace(".dfs.", ".blob.", 1),
            token=parts.query if signed else "",
        )

    def open(self, address: Address, access: Access, source: Source) -> Opened:
        """Return the store of the container.

        Raises:
            StorageError: No account is known, the endpoint may not be asked, or the
                credentials are of another account.

        """
        from obstore.store import AzureStore

        account, endpoint = _account(address, access, source)
        config: AzureConfig = {
            "account_name": account,
            "endpoint": endpoint,
            # Not what the environment says.
            "skip_signature": False,
            "use_emulator": False,
        }
        more, provider = _identity(address, access.credentials)
        config.update(more)
        anonymous = bool(more.get("skip_signature"))
        store = AzureStore(
            address.bucket,
            config=config,
            client_options=client_options(
                access, endpoint, held=provider is not None or anonymous
            ),
            retry_config=retries(access),
            credential_provider=provider,
        )
        return Opened(store=store, endpoint=endpoint, anonymous=anonymous)

    def elsewhere(self, address: Address, access: Access, region: str) -> Opened | None:
        """Return None: an account has the same address everywhere."""
        del address, access, region
        return None


def _account(address: Address, access: Access, source: Source) -> tuple[str, str]:
    """Return the account and the endpoint to ask."""
    values = access.credentials.values
    named = values.get("AZURE_SERVICE_URL", "").strip().rstrip("/")
    own = values.get("AZURE_ACCOUNT_NAME", "").strip()
    if own and address.account and own != address.account and not address.token:
        raise Unauthenticated(
            f"{shown_uri(address.uri)} is of the account {address.account!r}, the "
            f"credentials are of {own!r}",
            rung=access.credentials.rung,
            remedy="correct AZURE_ACCOUNT_NAME, or the storageUri",
        )
    if named:
        endpoint = checked_endpoint(access, source, named)
        account = own or address.account or _account_of(endpoint)
    else:
        account = own or address.account
        host = address.host or f"{account}.blob.core.windows.net"
        endpoint = f"https://{host}"
    if not _ACCOUNT.fullmatch(account):
        raise InvalidUri(
            f"{shown_uri(address.uri)} names no storage account",
            remedy="set AZURE_ACCOUNT_NAME, or write the URI as "
            "https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH",
        )
    return account, endpoint


def _account_of(endpoint: str) -> str:
    """Return the account of an endpoint: in its path, as emulators have it, or host."""
    parts = urlsplit(endpoint)
    return parts.path.strip("/") or (parts.hostname or "").partition(".")[0]


def _identity(
    address: Address, credentials: Credentials
) -> tuple[AzureConfig, Callable[[], AzureCredential] | None]:
    """Return who asks, as options of the store and as a provider."""
    values = credentials.values
    token = address.token or values.get("AZURE_STORAGE_SAS_TOKEN", "").lstrip("?")
    if credentials.rung == "anonymous" or is_on(values, "AZURE_ANONYMOUS"):
        return {"skip_signature": True}, None
    if provider := _fixed(values, token):
        return {}, provider
    options: AzureConfig = {}
    for name, option in _OPTIONS.items():
        if values.get(name):
            options[option] = values[name]  # type: ignore[literal-required]
    if secret := values.get("AZURE_CLIENT_SECRET"):
        options["client_secret"] = secret
        options["credential_type"] = "client_secret"
    elif file := values.get("AZURE_FEDERATED_TOKEN_FILE"):
        options["federated_token_file"] = file
        options["credential_type"] = "workload_identity"
    elif is_on(values, "AZURE_CLI"):
        options["use_azure_cli"] = True
        options["credential_type"] = "azure_cli"
    else:
        options["credential_type"] = "managed_identity"
    return options, None


def _fixed(
    values: Mapping[str, str], token: str
) -> Callable[[], AzureCredential] | None:
    """Return a provider of what does not change, beside what the environment has."""
    key = values.get("AZURE_STORAGE_ACCESS_KEY", "")
    if "sig=" in key:
        token, key = token or key.lstrip("?"), ""
    bearer = values.get("AZURE_ACCESS_TOKEN", "")
    if token:
        return lambda: {"sas_token": token, "expires_at": None}
    if key:
        return lambda: {"access_key": key, "expires_at": None}
    if bearer:
        return lambda: {"token": bearer, "expires_at": None}
    return None


def _no_container(uri: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} names no container of Azure",
        remedy="write it as https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH or "
        "az://CONTAINER/PATH; another endpoint is AZURE_SERVICE_URL",
    )
