"""The page of what opens a store, written from the tables that the ladders read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]

_PAGE = """\
# Credentials

What opens a store is looked for in these steps, the same on a laptop and in a pod; the first that has anything answers.
`inferry storage whoami URI` says which one did, and never a value.
[How to give credentials](../how-to/give-credentials.md) shows the usual ways.

{steps}

What is found and broken is an error that names it, the variable, the file or the secret's key; nothing is asked without it instead.
A metadata server is not asked until the store is, and by then nothing else has answered.
Neither the environment nor any file is ever written.

## Which Secrets a service may use

A Secret that the annotation `serving.kserve.io/storageSecretName` (or `serving.kserve.io/secretName`) names comes alone.
Otherwise those that the service account lists are asked in their order, then the annotations of the account itself; without `serviceAccountName` that is the account `default`.
Image pull secrets of the pod and of the account are asked for images.
Only Secrets of the service's own namespace are read.

| kind | names |
|---|---|
{kinds}

White space around a value is ignored, but for files.
A key goes by further names, of which the first that is set counts:

{aliases}

`[storage] s3_access_key_id_name` and `s3_secret_access_key_name` name the two keys of an S3 secret where KServe's ConfigMap renames them.

## Annotations

On a Secret or a ServiceAccount; they win over keys of the secret, and those over the environment.
An endpoint with `http://` or `https://` is taken as it is; else it is https unless `s3-usehttps` is `"0"`.

{annotations}

`eks.amazonaws.com/role-arn` on a ServiceAccount is the role of its pods.

## The entry of storage.key

`storage: {{key, path, parameters}}` reads an entry of the Secret `storage-config`, or of the one that the annotation names.
Without `key` it is `default_<type>`, then `default`.
A pod has the entry in `STORAGE_CONFIG`; `STORAGE_OVERRIDE_CONFIG` and then `parameters` win over it.
The model is at `{{type}}://{{bucket}}/{{path}}`.

| field | meaning |
|---|---|
| `type` | {types} |
| `bucket` | the bucket; HDFS needs none |
{fields}
| `base64_service_account` | a Google service account's key |
| `HDFS_NAMENODE` and the other keys of HDFS | as in a Secret; files as base64 |

`parameters` may hold no secret, and nothing that sends one elsewhere ({operators}): these are for the Secret.

## Where secrets are mounted

| place | what |
|---|---|
| `/var/secrets/gcloud-application-credentials.json` | Google |
| `/var/secrets/kserve-hdfscreds/KEY`, or `HDFS_SECRET_DIR` | HDFS |
| `KSERVE_OCI_DOCKER_CONFIG` | a Docker configuration |
| `[storage] secrets_dir` | a folder for each Secret, a file for each key, for every kind |

A certificate authority of your own is `AWS_CA_BUNDLE` (S3), else `CA_BUNDLE_VOLUME_MOUNT_POINT/cabundle.crt` where `CA_BUNDLE_CONFIGMAP_NAME` is set, else `SSL_CERT_FILE` or `REQUESTS_CA_BUNDLE`.
"""

_STEPS = {
    "uri": "the URI carries them: a user and password, or a shared access signature",
    "storage-key": "the entry of `storage-config` that `storage.key` names",
    "secret": "the Secret that an annotation of the service names",
    "service-account": "Secrets that the service account lists, image pull secrets",
    "environment": "environment variables, and the files that they name",
    "mounted": "files of mounted secrets",
    "ambient": "the identity of the pod or the machine: web identity (IRSA), EKS pod "
    "identity and ECS, Azure workload identity, metadata servers",
    "developer": "AWS profiles with single sign-on, `gcloud auth application-default "
    "login`, `az login`, `hf auth login`, `docker login`, `~/.git-credentials`, "
    "`~/.netrc`",
    "anonymous": "none, because `[storage] anonymous`, a Secret, an annotation or "
    "`parameters` say so",
    "none": "none was found, and the store may be asked without: web servers, the "
    "Hub, registries, git",
}
_KINDS = (
    ("S3", ("AWS_",), "`awsAnonymousCredential`, and the variables below"),
    (
        "Google",
        (),
        (
            "`gcloud-application-credentials.json`; environment: "
            "`GOOGLE_APPLICATION_CREDENTIALS`, `STORAGE_EMULATOR_HOST`"
        ),
    ),
    (
        "Azure",
        ("AZURE_",),
        (
            "of which the access key may be a signature; "
            "environment: `AZURE_STORAGE_CONNECTION_STRING`, `AZURE_FEDERATED_TOKEN_FILE`"
        ),
    ),
    (
        "web",
        (),
        "`https-host` with `headers`, a JSON object; environment: `<host>-headers`",
    ),
    (
        "Hugging Face",
        ("HF_",),
        "environment: `HF_ENDPOINT`, `HF_HUB_OFFLINE`, `HF_TOKEN_PATH`, `HF_HOME`",
    ),
    (
        "images",
        (),
        (
            "`.dockerconfigjson`, `.dockercfg`; environment: "
            "`KSERVE_OCI_DOCKER_CONFIG`, `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE`"
        ),
    ),
    ("git", ("GIT_",), "`username`, `password` of a Secret"),
)


def write_credentials(table: Table) -> str:
    """Return the page; a step or a field without its words fails here."""
    from inferry.storage._secrets import KEYS, S3_ANNOTATIONS
    from inferry_storage.credentials import STEPS
    from inferry_storage.credentials.hdfs import NAMES
    from inferry_storage.credentials.storage_config import OPERATORS, S3_FIELDS, TYPES

    hdfs = ("HDFS", _code(NAMES))
    return _PAGE.format(
        steps=table(
            ("step", "what it is"), ((f"`{each}`", _STEPS[each]) for each in STEPS)
        ),
        kinds="\n".join(f"| {k} | {v} |" for k, v in (*_kinds(KEYS), hdfs)),
        aliases=table(
            ("key", "also"),
            ((f"`{key}`", _code(more)) for key, more in KEYS.items() if more),
        ),
        annotations=table(
            ("annotation", "variable, and key of a Secret"),
            ((f"`{key}`", f"`{name}`") for key, name in S3_ANNOTATIONS.items()),
        ),
        types=_code(TYPES),
        fields="\n".join(f"| `{k}` | `{v}` |" for k, v in S3_FIELDS.items()),
        operators=_code(sorted(OPERATORS)),
    )


def _kinds(keys: Iterable[str]) -> Iterable[tuple[str, str]]:
    known = list(keys)
    for kind, prefixes, more in _KINDS:
        names = [each for each in known if each.startswith(prefixes or "-")]
        yield kind, ", ".join(filter(None, (_code(names), more)))


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
