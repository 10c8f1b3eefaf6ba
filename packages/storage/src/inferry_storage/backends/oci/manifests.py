"""Manifests of images and artifacts, and indexes of several of them.

Media types of OCI image-spec 1.1 and of Docker's image manifest, version 2.
"""

from __future__ import annotations

import hashlib
import hmac
import platform
from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time

import msgspec

from inferry.storage import Corrupt, EmptyModel, NoBackend, shown_uri
from inferry_storage.backends.oci.reference import is_digest

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join((*MANIFESTS, *INDEXES))
#: What the distribution specification lets a registry refuse above.
MAX_BYTES = 4 * 2**20
_FIRST_SCHEMA = "application/vnd.docker.distribution.manifest.v1"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ATTESTATION = "vnd.docker.reference.type"


class Platform(msgspec.Struct, frozen=True):
    """What an image of an index is made for."""

    os: str = ""
    architecture: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A blob or manifest: its type, digest and size."""

    media_type: str = ""
    digest: str = ""
    size: int = -1
    annotations: Mapping[str, str] | None = None
    urls: tuple[str, ...] | None = None
    platform: Platform | None = None

    def note(self, key: str) -> str:
        """Return the annotation *key*, empty without it."""
        return (self.annotations or {}).get(key, "")


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """An image, an artifact, or an index: which of them, `kind` says."""

    schema_version: int = 0
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[Descriptor, ...] | None = None


def decode(uri: str, body: bytes, media_type: str, digest: str) -> Manifest:
    """Return the manifest in *body*, which must be of *digest* where that is known.

    Raises:
        Corrupt: It is not, or it is no manifest, or two kinds of manifest at once.
        NoBackend: It is of Docker's first schema.

    """
    shown = shown_uri(uri)
    if digest:
        check_digest(uri, body, digest)
    told = media_type.partition(";")[0].strip().lower()
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, UnicodeError):
        raise Corrupt(
            f"{shown}: the registry sent no manifest",
            remedy="see whether the registry's address is right",
        ) from None
    if told.startswith(_FIRST_SCHEMA) or found.schema_version == 1:
        raise NoBackend(
            f"{shown} is an image of Docker's schema 1, which has no digests to check",
            remedy="push it again with a current docker, podman or oras",
        )
    if (found.layers is None) == (found.manifests is None) or _contradicts(found, told):
        # One digest must not mean two images (CVE-2021-41190).
        raise Corrupt(
            f"{shown}: the manifest is neither clearly an image nor an index",
            remedy="push it again",
        )
    for each in (*(found.layers or ()), *(found.manifests or ())):
        _check(shown, each)
    return found


def check_digest(uri: str, body: bytes, digest: str) -> None:
    """Compare *body* with its *digest*.

    Raises:
        Corrupt: It is of another.

    """
    algorithm, _, promised = digest.partition(":")
    if not hmac.compare_digest(hashlib.new(algorithm, body).hexdigest(), promised):
        raise Corrupt(
            f"{shown_uri(uri)}: the registry sent a manifest of another {algorithm} "
            "than was asked for",
            remedy="push the image again, or see who changes what the registry sends",
        )


def chosen(uri: str, index: Manifest) -> Descriptor:
    """Return the image of *index* for this machine, or the first if none is.

    A model is data and the same for all machines, so another one's serves as well.

    Raises:
        EmptyModel: The index has no image.

    """
    images = [each for each in index.manifests or () if _is_image(each)]
    wanted = _MACHINES.get(platform.machine().lower(), "amd64")
    for each in images:
        if each.platform == Platform("linux", wanted):
            return each
    for each in images:
        if each.platform is None or each.platform.os in {"", "linux"}:
            return each
    if images:
        return images[0]
    raise EmptyModel(
        f"{shown_uri(uri)} is an index without an image",
        remedy="push the model, not only what attests it",
    )


def _is_image(each: Descriptor) -> bool:
    """Tell images from signatures and attestations that lie beside them."""
    unknown = each.platform is not None and each.platform.os == "unknown"
    kind = each.media_type in {*MANIFESTS, *INDEXES}
    return kind and not unknown and not each.note(_ATTESTATION)


def _contradicts(found: Manifest, told: str) -> bool:
    own = MANIFESTS if found.layers is not None else INDEXES
    other = INDEXES if found.layers is not None else MANIFESTS
    both = bool(told in own and found.media_type and told != found.media_type)
    return both or told in other or found.media_type in other


def _check(shown: str, each: Descriptor) -> None:
    if not is_digest(each.digest) or each.size < 0:
        raise Corrupt(
            f"{shown}: the manifest names a blob without a digest or size that can be "
            "checked",
            remedy="push the image again",
        )
