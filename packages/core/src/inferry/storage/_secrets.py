"""KServe's table of secrets: which keys and annotations mean what.

`secret_environment` says what a container needs to find a secret's values, by their
names alone: whoever renders it never reads one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_S3 = "serving.kserve.io/s3-"
#: Annotation of a Secret or a ServiceAccount -> the variable that it stands for.
S3_ANNOTATIONS: Mapping[str, str] = {
    f"{_S3}endpoint": "S3_ENDPOINT",
    f"{_S3}usehttps": "S3_USE_HTTPS",
    f"{_S3}region": "AWS_DEFAULT_REGION",
    f"{_S3}verifyssl": "S3_VERIFY_SSL",
    f"{_S3}usevirtualbucket": "S3_USER_VIRTUAL_BUCKET",
    f"{_S3}useaccelerate": "S3_USE_ACCELERATE",
    f"{_S3}useanoncredential": "awsAnonymousCredential",
    f"{_S3}cabundle": "AWS_CA_BUNDLE",
    f"{_S3}cabundle-configmap": "AWS_CA_BUNDLE_CONFIGMAP",
}
#: Annotation of a ServiceAccount whose pods are an AWS role.
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
#: Name of a value -> further keys that it goes by.
KEYS: Mapping[str, tuple[str, ...]] = {
    "AWS_ACCESS_KEY_ID": ("awsAccessKeyID",),
    "AWS_SECRET_ACCESS_KEY": ("awsSecretAccessKey",),
    "AWS_SESSION_TOKEN": (),
    "AZURE_SUBSCRIPTION_ID": ("AZ_SUBSCRIPTION_ID",),
    "AZURE_TENANT_ID": ("AZ_TENANT_ID",),
    "AZURE_CLIENT_ID": ("AZ_CLIENT_ID",),
    "AZURE_CLIENT_SECRET": ("AZ_CLIENT_SECRET",),
    "AZURE_STORAGE_ACCESS_KEY": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
    "AZURE_STORAGE_SAS_TOKEN": (),
    "AZURE_ACCESS_TOKEN": (),
    "AZURE_ACCESS_EXPIRES_ON_SECONDS": (),
    "AZURE_ACCOUNT_NAME": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
    "AZURE_SERVICE_URL": ("AZURE_STORAGE_SERVICE_URL",),
    "AZURE_FILE_SERVICE_URL": (),
    "AZURE_AUTHORITY_HOST": (),
    "HF_TOKEN": ("HUGGING_FACE_HUB_TOKEN",),
    "MODELSCOPE_API_TOKEN": (),
    "GIT_USERNAME": (),
    "GIT_PASSWORD": (),
}
#: Keys that are files where the secret is mounted.
GCLOUD_FILE = "gcloud-application-credentials.json"
DOCKER_FILE = ".dockerconfigjson"
#: Where KServe mounts them.
POD_SECRETS = "/var/secrets"
_HDFS_FOLDER = f"{POD_SECRETS}/kserve-hdfscreds"
_DOCKER_FOLDER = "/mnt/oci-fetch-auth"
_FOLDERS = f"{POD_SECRETS}/inferry"


class KeyReference(msgspec.Struct, frozen=True, kw_only=True):
    """A variable whose value is a key of a Secret: Kubernetes' secretKeyRef."""

    secret: str
    key: str


class SecretMount(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret as files below *path*; ``items`` gives keys other file names."""

    secret: str
    path: str
    items: Mapping[str, str] = {}


class SecretEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """What a container needs to find the values of a secret."""

    variables: Mapping[str, KeyReference | str] = {}
    mounts: tuple[SecretMount, ...] = ()


def secret_environment(
    name: str, keys: Collection[str], annotations: Mapping[str, str] | None = None
) -> SecretEnvironment:
    """Return what makes the values of Secret *name* known to a storage initializer.

    *keys* are the names of its values, which are not needed. Keys that mean nothing to
    storage are left out.
    """
    variables: dict[str, KeyReference | str] = {
        variable: KeyReference(secret=name, key=key)
        for variable, key in _references(keys)
    }
    # What an annotation says, no key of the secret says otherwise.
    variables |= annotation_environment(annotations or {})
    mounts = list(_mounts(name, keys))
    for mount in mounts:
        variables |= _pointers(mount)
    return SecretEnvironment(variables=variables, mounts=tuple(mounts))


def annotation_environment(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that S3 annotations of a Secret or ServiceAccount stand for.

    An endpoint is ``S3_ENDPOINT`` as it is written, and ``AWS_ENDPOINT_URL`` whole.
    """
    found = {
        variable: annotations[key].strip()
        for key, variable in S3_ANNOTATIONS.items()
        if annotations.get(key, "").strip()
    }
    if endpoint := found.get("S3_ENDPOINT"):
        found["AWS_ENDPOINT_URL"] = whole_endpoint(
            endpoint, found.get("S3_USE_HTTPS", "")
        )
    return found


def entry_environment(
    secret: str, key: str, parameters: Mapping[str, str]
) -> SecretEnvironment:
    """Return what makes an entry of storage-config and the parameters over it known."""
    variables: dict[str, KeyReference | str] = {
        "STORAGE_CONFIG": KeyReference(secret=secret, key=key)
    }
    if parameters:
        variables["STORAGE_OVERRIDE_CONFIG"] = json.dumps(
            dict(parameters), sort_keys=True
        )
    return SecretEnvironment(variables=variables)


def whole_endpoint(endpoint: str, use_https: str) -> str:
    """Return *endpoint* with a scheme: its own, else http if *use_https* denies it."""
    if not endpoint.lower().startswith(("http://", "https://")):
        denied = use_https.strip().lower() in {"0", "false", "no", "off"}
        endpoint = f"{'http' if denied else 'https'}://{endpoint}"
    return endpoint.rstrip("/")


def _references(keys: Collection[str]) -> Iterator[tuple[str, str]]:
    options = dict.fromkeys(S3_ANNOTATIONS.values(), ())
    for variable, others in {**KEYS, **options}.items():
        key = next((each for each in (variable, *others) if each in keys), "")
        if key:
            yield variable, key


def _mounts(name: str, keys: Collection[str]) -> Iterator[SecretMount]:
    if GCLOUD_FILE in keys:
        yield SecretMount(secret=name, path=POD_SECRETS)
    if "HDFS_NAMENODE" in keys:
        yield SecretMount(secret=name, path=_HDFS_FOLDER)
    if DOCKER_FILE in keys:
        items = {DOCKER_FILE: "config.json"}
        yield SecretMount(secret=name, path=_DOCKER_FOLDER, items=items)
    if "https-host" in keys:
        # Its variable would be called by a value of the secret.
        yield SecretMount(secret=name, path=f"{_FOLDERS}/{name}")


def _pointers(mount: SecretMount) -> dict[str, str]:
    """Return the variables that lead to a mounted secret."""
    if mount.path == POD_SECRETS:
        return {"GOOGLE_APPLICATION_CREDENTIALS": f"{POD_SECRETS}/{GCLOUD_FILE}"}
    if mount.path == _DOCKER_FOLDER:
        return {"KSERVE_OCI_DOCKER_CONFIG": f"{_DOCKER_FOLDER}/config.json"}
    if mount.path == _HDFS_FOLDER:
        return {"HDFS_SECRET_DIR": _HDFS_FOLDER}
    return {"INFERRY_STORAGE__SECRETS_DIR": _FOLDERS}
