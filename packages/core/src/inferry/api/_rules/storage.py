"""Where models come from: URIs, mount paths, confidential serving.

Which schemes exist is for plugins to say; here stands what no scheme allows.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from inferry.api._names import MAIN_CONTAINER, TRANSFORMER_CONTAINER
from inferry.api._problems import Finding
from inferry.api._rules._parts import components, env, models, pod_containers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry.api._problems import Path
    from inferry.api._types import InferenceService, ModelSpec, StorageUriSpec

#: What ``type`` may be in ``storage.parameters`` and in an entry of storage-config.
STORAGE_TYPES = ("s3", "gs", "hdfs", "webhdfs")
#: Fields of such an entry that are secrets.
SECRET_PARAMETERS = frozenset(
    {
        "secret_access_key",
        "session_token",
        "base64_service_account",
        "HEADERS",
        "KERBEROS_KEYTAB",
        "TLS_KEY",
    }
)
_LONGEST_PATH = 255
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_ONE_SLASH = re.compile(r"([a-z][a-z0-9+.-]+):/?(?!/)(.*)", re.DOTALL)
_NO_COLON = re.compile(r"(s3|gs|hf|oci|pvc|https?|file|hdfs|webhdfs)//(.+)", re.DOTALL)
_PASSWORD = re.compile(r"[^/@]*:[^/@]+@")
_RESOURCE_ID = re.compile(r"kbs:///[^/]+/[^/]+/[^/]+")


def uris(service: InferenceService) -> Iterator[Finding]:
    """Every storage URI could be one."""
    for path, component in components(service):
        for model_path, model in models(path, component):
            if model.storage_uri is not None:
                yield from check_uri((*model_path, "storageUri"), model.storage_uri)
        for index, entry in enumerate(component.storage_uris):
            yield from check_uri((*path, "storageUris", index, "uri"), entry.uri)
        for container in pod_containers(path, component.pod):
            for env_path, name, value in env(container):
                if name == "STORAGE_URI" and value is not None:
                    yield from check_uri((*env_path, "value"), value)


def one_source(service: InferenceService) -> Iterator[Finding]:
    """A component has ``storageUri`` or ``storageUris``."""
    for path, component in components(service):
        for model_path, model in models(path, component):
            if model.storage_uri and component.storage_uris:
                message = "cannot stand beside storageUris; keep one of the two"
                yield Finding((*model_path, "storageUri"), message)


def mounts(service: InferenceService) -> Iterator[Finding]:
    """Mount paths are absolute, safe, distinct, and share a folder."""
    for path, component in components(service):
        where: Path = (*path, "storageUris")
        for index, entry in enumerate(component.storage_uris):
            yield from _mount((*where, index, "mountPath"), entry.mount_path)
        yield from _duplicates(where, component.storage_uris)
        yield from _apart(where, component.storage_uris)


def transformer_source(service: InferenceService) -> Iterator[Finding]:
    """A transformer beside the predictor gets no model of its own."""
    path: Path = ("spec", "predictor")
    for container in pod_containers(path, service.spec.predictor.pod):
        if container.name != TRANSFORMER_CONTAINER:
            continue
        for env_path, name, _ in env(container):
            if name == "STORAGE_URI":
                message = (
                    f"STORAGE_URI cannot be set in {TRANSFORMER_CONTAINER}; set it in "
                    f"{MAIN_CONTAINER}"
                )
                yield Finding(env_path, message)


def confidential(service: InferenceService) -> Iterator[Finding]:
    """Confidential serving needs a model to decrypt and a key's whole name."""
    for path, component in components(service):
        for model_path, model in models(path, component):
            if model.confidential and model.confidential.enabled:
                yield from _confidential(model_path, model)


def storage_spec(service: InferenceService) -> Iterator[Finding]:
    """``storage`` and ``storageUri`` do not name two places, nor hold secrets."""
    for path, component in components(service):
        for model_path, model in models(path, component):
            where: Path = (*model_path, "storage")
            if model.storage is None:
                continue
            if model.storage_uri and model.storage.path:
                message = "cannot stand beside storageUri; keep one of the two"
                yield Finding((*where, "path"), message)
            for name in model.storage.parameters:
                if name in SECRET_PARAMETERS:
                    message = (
                        "is a secret, which no service may hold; put it into the entry "
                        "of the secret storage-config that storage.key names"
                    )
                    yield Finding((*where, "parameters", name), message)
            kind = model.storage.parameters.get("type")
            if kind is not None and kind not in STORAGE_TYPES:
                message = f"is {kind!r}, which is none of {', '.join(STORAGE_TYPES)}"
                yield Finding((*where, "parameters", "type"), message)


RULES = (uris, one_source, mounts, transformer_source, confidential, storage_spec)


def check_uri(path: Path, uri: str) -> Iterator[Finding]:
    """Yield why *uri* cannot be the place of a model, whatever the plugins."""
    if not uri.strip():
        yield Finding(path, "is empty; give the URI or the path of a model")
    elif re.search(r"[\s\x00-\x1f\x7f]", uri):
        yield Finding(path, f"{_hide(uri)!r} holds white space; write %20 for a blank")
    elif match := _SCHEME.fullmatch(uri):
        yield from _check_rest(path, uri, scheme=match[1], rest=match[2])
    elif match := _NO_COLON.fullmatch(uri):
        yield Finding(
            path, f"{_hide(uri)!r} lacks a colon", f"{match[1]}://{_hide(match[2])}"
        )
    elif match := _ONE_SLASH.fullmatch(uri):
        slashes = ":///" if match[1] == "file" else "://"
        message = f"{_hide(uri)!r} lacks slashes after {match[1]}:"
        yield Finding(path, message, match[1] + slashes + _hide(match[2]))


def _check_rest(path: Path, uri: str, *, scheme: str, rest: str) -> Iterator[Finding]:
    if scheme != scheme.lower():
        better = f"{scheme.lower()}://{_hide(rest)}"
        yield Finding(
            path, f"the scheme of {_hide(uri)!r} is not in lower case", better
        )
    elif not rest.strip("/"):
        yield Finding(path, f"{uri!r} names nothing after {scheme}://")
    elif _PASSWORD.match(rest):
        message = (
            f"{_hide(uri)!r} carries a password, which everyone who sees the service "
            "can read; keep it in a Secret"
        )
        yield Finding(path, message, severity="warning")
    elif "${" in rest or re.search(r"<[\w -]+>", rest):
        yield Finding(path, f"{_hide(uri)!r} holds a placeholder that nobody filled in")


def _hide(uri: str) -> str:
    """Return *uri* without a password and without a query, fit for a message.

    It need not be a URI yet, so that `inferry.storage.shown_uri` would not do.
    """
    without_query = re.sub(r"\?.*", "?***", uri, flags=re.DOTALL)
    # A password may hold a bare `/` or `#`.
    hidden = re.sub(r"(?<=://)[^@]*:[^@]*@", "***@", without_query)
    return re.sub(r"(?:(?<=/)|^)[^/@]*:[^/@]+@", "***@", hidden)


def _mount(path: Path, mount: str) -> Iterator[Finding]:
    if not mount.startswith("/"):
        yield Finding(path, f"{mount!r} is not absolute", f"/{mount}")
    elif ".." in mount.split("/"):
        yield Finding(path, f"{mount!r} leads out of itself with '..'")
    elif not mount.strip("/"):
        yield Finding(path, "cannot be '/'; mount below it, such as /mnt/models")
    elif len(mount) > _LONGEST_PATH:
        yield Finding(path, f"has {len(mount)} characters, more than {_LONGEST_PATH}")


def _duplicates(where: Path, entries: Sequence[StorageUriSpec]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, entry in enumerate(entries):
        mount = posixpath.normpath(entry.mount_path)
        if mount in first:
            message = (
                f"{entry.mount_path!r} is also that of {where[-1]}[{first[mount]}]"
            )
            yield Finding((*where, index, "mountPath"), message)
        first.setdefault(mount, index)


def _apart(where: Path, entries: Sequence[StorageUriSpec]) -> Iterator[Finding]:
    """Downloads land in one volume, so that their paths need a folder in common."""
    mounts = [each.mount_path for each in entries if not each.uri.startswith("pvc://")]
    usable = [each for each in mounts if each.startswith("/") and each.strip("/")]
    if len(usable) > 1 and posixpath.commonpath(usable) == "/":
        listed = ", ".join(usable)
        message = f"the mount paths {listed} share no folder but '/'; put them in one"
        yield Finding(where, message)


def _confidential(path: Path, model: ModelSpec) -> Iterator[Finding]:
    uri = model.storage_uri
    where: Path = (*path, "confidential")
    if not uri:
        yield Finding(where, "needs storageUri beside it: the model that is encrypted")
    elif uri.startswith(("oci", "pvc://")):
        scheme = uri.partition("://")[0]
        message = f"does not decrypt models from {scheme}://; they are mounted as is"
        yield Finding(where, message, severity="warning")
    key = model.confidential.resource_id if model.confidential else None
    if key and not _RESOURCE_ID.fullmatch(key):
        message = f"is {key!r}; write kbs:///<repository>/<type>/<tag>"
        yield Finding((*where, "resourceId"), message)
