"""What a fetch reads its credentials from: Secrets by name, never their values.

Nobody here reads a Secret. Our own initializer gets each one as a folder with a file
for each key, and finds out by itself what the keys mean. A container of somebody else
gets KServe's variables besides, as references: of the keys that are known, or of all
that KServe knows, each of which may be absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.storage import (
    STORAGE_CONFIG_SCHEME,
    KeyReference,
    annotation_environment,
    entry_environment,
    secret_environment,
    uri_scheme,
)
from inferry_controller.rendering.containers import variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inferry.storage import Source
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import SecretFacts, Surroundings

#: Where our initializer finds a folder for each Secret.
FOLDER = "/var/secrets/inferry"
_SETTING = "INFERRY_STORAGE__SECRETS_DIR"
#: The folder of the Secret of ``storage.key``, whatever that is called.
_CONFIG = "storage-config"
_DEFAULT_ACCOUNT = "default"
_CA_BUNDLE = "AWS_CA_BUNDLE_CONFIGMAP"
#: What KServe's own initializer may find in a Secret whose keys nobody knows.
_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "S3_ENDPOINT",
    "S3_USE_HTTPS",
    "S3_VERIFY_SSL",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_ACCESS_TOKEN",
    "HF_TOKEN",
    "GIT_USERNAME",
    "GIT_PASSWORD",
)
_FILES = {
    "gs": ("gcloud-application-credentials.json",),
    "hdfs": ("HDFS_NAMENODE",),
    "webhdfs": ("HDFS_NAMENODE",),
    "oci+fetch": (".dockerconfigjson",),
}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Variables, volumes and their mounts; ``ca_bundle`` is a ConfigMap to trust."""

    env: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    ca_bundle: str = ""


class _Used(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret, the folder that it is mounted at, and whether it may be absent."""

    name: str
    folder: str
    optional: bool


def access(
    sources: Sequence[Source],
    options: RenderOptions,
    around: Surroundings,
    *,
    foreign: bool,
) -> Access:
    """Return what opens the stores of *sources*; *foreign* if not to our initializer.

    A Secret that the service names must be there: the kubelet says which one is not. Of
    those that a ServiceAccount lists, each may be absent.
    """
    used = _distinct(_used(sources, options, around))
    env = list(_entry(sources, options))
    env += _annotated(used, sources, around)
    volumes, mounts = [], []
    for number, each in enumerate(used):
        name = f"storage-secret-{number}"
        volumes.append(_volume(name, each))
        mounts.append(
            {"name": name, "mountPath": f"{FOLDER}/{each.folder}", "readOnly": True}
        )
    if mounts:
        env.append(variable(_SETTING, FOLDER))
    if foreign:
        more = _for_others(used, sources, around)
        env, volumes = [*env, *more.env], [*volumes, *more.volumes]
        mounts += more.mounts
    bundles = [each["value"] for each in env if each["name"] == _CA_BUNDLE]
    return Access(
        env=tuple(env),
        volumes=tuple(volumes),
        mounts=tuple(mounts),
        ca_bundle=str(bundles[0]) if bundles else "",
    )


def _used(
    sources: Sequence[Source], options: RenderOptions, around: Surroundings
) -> Iterator[_Used]:
    for source in sources:
        named = source.secrets
        if _is_entry(source) and not source.storage_key:
            # Without a key it is the default of its type, which only the fetch knows.
            symbolic = uri_scheme(source.uri) == STORAGE_CONFIG_SCHEME
            name = named[0] if named else options.storage_config_secret
            yield _Used(name=name, folder=_CONFIG, optional=not symbolic)
        elif named and not source.storage_key:
            yield from (_Used(name=n, folder=n, optional=False) for n in named)
        if not named:
            account = around.accounts.get(source.service_account or _DEFAULT_ACCOUNT)
            listed = account.secrets if account else ()
            yield from (_Used(name=n, folder=n, optional=True) for n in listed)
        if uri_scheme(source.uri) == "oci+fetch":
            pulls = source.pull_secrets
            yield from (_Used(name=n, folder=n, optional=True) for n in pulls)


def _is_entry(source: Source) -> bool:
    """Say whether an entry of storage-config has a part in *source*."""
    return bool(
        source.storage_key
        or source.parameters
        or uri_scheme(source.uri) == STORAGE_CONFIG_SCHEME
    )


def _distinct(used: Iterable[_Used]) -> tuple[_Used, ...]:
    """Return one Secret for each folder, needed where anything needs it."""
    found: dict[str, _Used] = {}
    for each in used:
        known = found.setdefault(each.folder, each)
        if known.name == each.name and known.optional and not each.optional:
            found[each.folder] = each
    return tuple(found.values())


def _entry(
    sources: Sequence[Source], options: RenderOptions
) -> Iterator[dict[str, Any]]:
    """Yield the entry that ``storage.key`` names, and the parameters over it."""
    for source in sources:
        if not source.storage_key and not source.parameters:
            continue
        secret = source.secrets[0] if source.secrets else options.storage_config_secret
        made = entry_environment(secret, source.storage_key, source.parameters)
        for name, value in made.variables.items():
            if isinstance(value, str):
                yield variable(name, value)
            elif source.storage_key:
                yield _reference(name, value, optional=False)
        return  # there is one `storage` in a service


def _annotated(
    used: Sequence[_Used], sources: Sequence[Source], around: Surroundings
) -> Iterator[dict[str, Any]]:
    """Yield the variables of the annotations of Secrets, then of the ServiceAccount."""
    found: dict[str, str] = {}
    given = [_annotations(around.secrets.get(each.name)) for each in used]
    for source in sources:
        account = around.accounts.get(source.service_account or _DEFAULT_ACCOUNT)
        if account is not None and not source.secrets:
            given.append(account.annotations)
    for each in given:
        for name, value in annotation_environment(each).items():
            found.setdefault(name, value)
    yield from (variable(name, value) for name, value in found.items())


def _annotations(secret: SecretFacts | None) -> Mapping[str, str]:
    return {} if secret is None else secret.annotations


def _volume(name: str, used: _Used) -> dict[str, Any]:
    source: dict[str, Any] = {"secretName": used.name}
    if used.optional:
        source["optional"] = True
    return {"name": name, "secret": source}


def _for_others(
    used: Sequence[_Used], sources: Sequence[Source], around: Surroundings
) -> Access:
    """Return KServe's variables and mounts of Secrets, each name and path once."""
    env: dict[str, dict[str, Any]] = {}
    volumes: dict[str, dict[str, Any]] = {}
    mounts: dict[str, dict[str, Any]] = {}
    for number, each in enumerate(used):
        if each.folder == _CONFIG:
            continue
        facts = around.secrets.get(each.name)
        known = None if facts is None else facts.keys
        keys = _likely(sources) if known is None else known
        made = secret_environment(each.name, keys, _annotations(facts))
        for name, value in made.variables.items():
            if isinstance(value, KeyReference):
                env.setdefault(name, _reference(name, value, optional=known is None))
            elif name != _SETTING:
                env.setdefault(name, variable(name, value))
        for mount in made.mounts:
            if mount.path in mounts or mount.path.startswith(FOLDER):
                continue
            name = f"storage-files-{number}"
            volume = _volume(name, each)
            if mount.items:
                volume["secret"]["items"] = [
                    {"key": key, "path": path} for key, path in mount.items.items()
                ]
            volumes[name] = volume
            mounts[mount.path] = {
                "name": name,
                "mountPath": mount.path,
                "readOnly": True,
            }
    return Access(
        env=tuple(env.values()),
        volumes=tuple(volumes.values()),
        mounts=tuple(mounts.values()),
    )


def _likely(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return the keys that a Secret may have that opens *sources*."""
    schemes = {uri_scheme(source.uri) for source in sources}
    files = [key for each in sorted(schemes) for key in _FILES.get(each, ())]
    return tuple(files) or _KEYS


def _reference(name: str, value: KeyReference, *, optional: bool) -> dict[str, Any]:
    reference: dict[str, Any] = {"name": value.secret, "key": value.key}
    if optional:
        reference["optional"] = True
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}
