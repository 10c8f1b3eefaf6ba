"""KServe's ``storage: {key, path, parameters}``: an entry of ``storage-config``.

The entry is JSON: ``{"type": "s3", "bucket": …, "endpoint_url": …, "region": …,
"access_key_id": …, "secret_access_key": …, "ca_bundle": …, "verify_ssl": …,
"anonymous": …, "cabundle_configmap": …}``. It is looked up by the key, else as
``default_<type>`` and ``default``, in the secrets at hand and the mounted ones; a pod
has it in ``STORAGE_CONFIG``. ``parameters``, and ``STORAGE_OVERRIDE_CONFIG``, win.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from inferry.storage import (
    STORAGE_CONFIG_SCHEME,
    InvalidUri,
    NotAllowed,
    Secret,
    Source,
    Unauthenticated,
    shown_uri,
    uri_scheme,
)
from inferry.storage._secrets import GCLOUD_FILE
from inferry_storage.credentials import hdfs
from inferry_storage.credentials.files import json_object
from inferry_storage.credentials.places import (
    ENTRY,
    STORAGE_CONFIG,
    Folder,
    is_true,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferry.storage import Lookup

TYPES = ("s3", "gs", "hdfs", "webhdfs")
_STEP = "storage-key"
#: What only the secret may say, not the parameters of a service.
OPERATORS = frozenset(
    {
        "HDFS_NAMENODE",
        "HEADERS",
        "KERBEROS_PRINCIPAL",
        "TLS_SKIP_VERIFY",
        "USER_PROXY",
        "ca_bundle",
        *hdfs.FILES,
    }
)
#: Field of an S3 entry -> the name of the value.
S3_FIELDS = {
    "endpoint_url": "AWS_ENDPOINT_URL",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_DEFAULT_REGION",
    "ca_bundle": "AWS_CA_BUNDLE",
    "verify_ssl": "S3_VERIFY_SSL",
    "anonymous": "awsAnonymousCredential",
    "cabundle_configmap": "AWS_CA_BUNDLE_CONFIGMAP",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry with the parameters over it; ``what`` says where it was found.

    ``key`` is the one that it has in its secret, empty where it is in no secret.
    """

    what: str
    fields: dict[str, Any]
    key: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.what!r})"

    def get(self, name: str) -> str:
        """Return the field as text; JSON's true and false as such."""
        value = self.fields.get(name)
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value).strip()


def located(source: Source, lookup: Lookup) -> Source:
    """Return *source* with the URI that its storage key gives.

    Raises:
        Unauthenticated: The entry is not there, or broken.
        InvalidUri: It does not say where the model is.

    """
    if not is_symbolic(source):
        return source
    key, path = _address(source)
    source = msgspec.structs.replace(source, storage_key=key)
    found = find(source, lookup)
    what = "storage.parameters" if found is None else found.what
    kind = "" if found is None else found.get("type")
    if not kind:
        raise InvalidUri(
            f"unable to determine the storage type from {what}",
            remedy=f"set type to one of {', '.join(TYPES)}",
        )
    if kind not in TYPES:
        raise InvalidUri(
            f"the storage type of {what} is {kind!r}",
            remedy=f"it is one of {', '.join(TYPES)}",
        )
    bucket = "" if found is None else found.get("bucket")
    if kind in {"hdfs", "webhdfs"}:
        uri = f"{kind}://{path}"
    elif bucket:
        uri = f"{kind}://{bucket}/{path}"
    else:
        raise InvalidUri(
            f"{kind} needs a bucket, and {what} has none",
            remedy="set bucket there or in storage.parameters",
        )
    # The credentials are those of the same entry.
    key = found.key if found is not None and found.key else key
    return msgspec.structs.replace(source, uri=uri, storage_key=key)


def _address(source: Source) -> tuple[str, str]:
    """Return the key of the entry and the path that the URI names."""
    try:
        parts = urlsplit(source.uri)
    except ValueError:
        parts = None
    key = source.storage_key or unquote(parts.netloc if parts else "")
    # Kubernetes' own rule for the keys of a secret; anything else may be a password.
    if parts is None or not re.fullmatch(r"[A-Za-z0-9._-]*", key):
        raise InvalidUri(
            f"{shown_uri(source.uri)} does not name a key of a secret",
            remedy="write it as storage-config://KEY/PATH",
        )
    return key, unquote(parts.path).lstrip("/")


def is_symbolic(source: Source) -> bool:
    """Say whether the URI is still to be made from a storage key."""
    return uri_scheme(source.uri) == STORAGE_CONFIG_SCHEME


def secret(source: Source, lookup: Lookup) -> Secret | None:
    """Return the entry as a Secret by the usual names, None where there is none.

    Raises:
        Unauthenticated: The entry is not there, or broken.

    """
    found = find(source, lookup)
    if found is None:
        return None
    kind = found.get("type") or uri_scheme(source.uri)
    if kind in {"hdfs", "webhdfs"}:
        data = _hdfs(found)
    elif kind == "gs":
        data = _gs(found)
    else:
        data = {name: found.get(key) for key, name in S3_FIELDS.items()}
    data = {name: value for name, value in data.items() if value}
    return Secret(name=ENTRY, data=data, annotations={ENTRY: found.what})


def find(source: Source, lookup: Lookup) -> Entry | None:
    """Return the entry of *source*, with the parameters over it.

    Raises:
        Unauthenticated: The key is named and nowhere, or the entry is no JSON object.

    """
    parameters = _allowed(source, lookup)
    kind = str(parameters.get("type") or "")
    if source.storage_key or source.parameters or is_symbolic(source):
        keys = [source.storage_key] if source.storage_key else _defaults(kind)
        for name, data in _secrets(source, lookup):
            for key in keys:
                if text := data.get(key):
                    what = f"key {key!r} of secret {name!r}"
                    fields = json_object(text, what=what, step=_STEP)
                    return Entry(what=what, fields={**fields, **parameters}, key=key)
    if fields := _json_variable("STORAGE_CONFIG", lookup):
        return Entry(what="STORAGE_CONFIG", fields={**fields, **parameters})
    if source.storage_key:
        raise _absent(source, lookup)
    if parameters:
        return Entry(what="storage.parameters", fields=parameters)
    return None


def with_parameters(source: Source, lookup: Lookup) -> Source:
    """Return *source* with the parameters that a pod has in a variable.

    They are the service's own there, too, and whoever distrusts those has to see them.

    Raises:
        StorageError: One may not be set, or the variable is broken.

    """
    parameters = {
        # Without white space, as the values of the entry are: they are compared.
        name: (value if isinstance(value, str) else json.dumps(value)).strip()
        for name, value in _allowed(source, lookup).items()
    }
    return msgspec.structs.replace(source, parameters=parameters)


def _allowed(source: Source, lookup: Lookup) -> dict[str, Any]:
    """Return the parameters; they are the service's, whose author may not say it all.

    Raises:
        NotAllowed: One would send the secret elsewhere, speak for somebody else, or
            let anybody answer for the store.

    """
    override = _json_variable("STORAGE_OVERRIDE_CONFIG", lookup)
    parameters = {**override, **source.parameters}
    for name, value in parameters.items():
        unchecked = name == "verify_ssl" and not is_true(str(value))
        if name in OPERATORS or unchecked:
            raise NotAllowed(
                f"storage.parameters may not {'unset' if unchecked else 'set'} {name}",
                remedy="say it in the entry of the secret storage-config",
            )
    return parameters


def _defaults(kind: str) -> list[str]:
    return [f"default_{kind}", "default"] if kind else ["default"]


def _secrets(source: Source, lookup: Lookup) -> Iterator[tuple[str, Mapping[str, str]]]:
    names = source.secrets or (STORAGE_CONFIG,)
    for each in lookup.secrets:
        if each.kind == "Secret" and each.name in names:
            yield each.name, each.data
    for name in names:
        if lookup.secret_folder is not None:
            yield name, Folder(lookup.secret_folder / name)


def _absent(source: Source, lookup: Lookup) -> Unauthenticated:
    """Say what is missing: the key, or the whole secret."""
    name = (source.secrets or (STORAGE_CONFIG,))[0]
    known = sorted({key for _, data in _secrets(source, lookup) for key in data})
    if known:
        return Unauthenticated(
            f"storage key {source.storage_key!r} is not in secret {name!r}",
            rung=_STEP,
            remedy=f"its keys are {', '.join(known)}",
        )
    return Unauthenticated(
        f"secret {name!r} of storage key {source.storage_key!r} is not here",
        rung=_STEP,
        remedy="put the Secret beside the service, or set STORAGE_CONFIG to its entry",
    )


def _json_variable(name: str, lookup: Lookup) -> dict[str, Any]:
    text = lookup.environ.get(name, "").strip()
    return json_object(text, what=name, step=_STEP) if text else {}


def _hdfs(entry: Entry) -> dict[str, str]:
    """Return the keys of an HDFS secret; its files are base64 within the JSON."""
    data = {}
    for name, value in entry.fields.items():
        data[name] = entry.get(name)
        if name in hdfs.FILES and value:
            try:
                content = base64.b64decode(str(value), validate=True)
            except (binascii.Error, ValueError):
                raise Unauthenticated(
                    f"{name} in {entry.what} is no base64",
                    rung=_STEP,
                    remedy=f"encode the file with: base64 -w0 {name}",
                ) from None
            data[name] = content.decode("utf-8", "surrogateescape")
    return data


def _gs(entry: Entry) -> dict[str, str]:
    encoded = entry.get("base64_service_account")
    if not encoded:
        return {}
    try:
        return {GCLOUD_FILE: base64.b64decode(encoded, validate=True).decode()}
    except (binascii.Error, ValueError):
        raise Unauthenticated(
            f"base64_service_account in {entry.what} is no base64 of a text",
            rung=_STEP,
            remedy="encode the key's file with: base64 -w0",
        ) from None
