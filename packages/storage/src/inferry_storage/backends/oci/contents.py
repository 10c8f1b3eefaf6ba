"""What of a manifest is the model: the layers of an image, or files of an artifact."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.storage import EmptyModel, NoBackend, NotAllowed, shown_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_storage.backends.oci.manifests import Descriptor, Manifest

_LAYER = re.compile(
    r"application/vnd\.oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?"
    r"|application/vnd\.docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?"
)
# What only the one who owns it may pass on lies elsewhere, at an address of its own.
_FOREIGN = ("nondistributable", "foreign")
_CONFIGS = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
_EMPTY = "application/vnd.oci.empty.v1+json"
#: ORAS, Helm and cosign; ModelPack, which KitOps and modctl write.
_NAMES = ("org.opencontainers.image.title", "org.cncf.model.filepath")
_FOLDER = "io.deis.oras.content.unpack"
_PACKED = re.compile(r".*[.+]tar([.+](gzip|gz|zstd))?")
_MOST_LAYERS = 1000


def contents(uri: str, manifest: Manifest) -> tuple[bool, list[tuple[str, Descriptor]]]:
    """Return whether the blobs of *manifest* are layers, and each with its name.

    Raises:
        NotAllowed: One of them lies elsewhere, or there are too many.
        NoBackend: It is an artifact of a kind whose files have no names.
        EmptyModel: There are none.

    """
    blobs = [each for each in manifest.layers or () if each.media_type != _EMPTY]
    shown = shown_uri(uri)
    for each in blobs:
        if each.urls or any(word in each.media_type for word in _FOREIGN):
            raise NotAllowed(
                f"{shown} has a layer that lies at another address",
                remedy="push the image with all of its layers",
            )
    if not blobs:
        raise EmptyModel(f"{shown} has no layers", remedy="push the model's files")
    if _is_image(manifest, blobs) or all(_is_folder(each) for each in blobs):
        return True, _layers(shown, blobs)
    return False, [(_name(shown, each), each) for each in blobs]


def _is_image(manifest: Manifest, blobs: Sequence[Descriptor]) -> bool:
    kind = manifest.config.media_type if manifest.config else ""
    if kind and kind not in _CONFIGS:
        return False
    # ORAS before 1.2 gave artifacts the configuration of an image; titles tell.
    titled = all(_title(each) for each in blobs)
    return not titled and all(_LAYER.fullmatch(each.media_type) for each in blobs)


def _is_folder(each: Descriptor) -> bool:
    """Say whether a blob of an artifact is a folder, packed as a layer is."""
    if each.note(_FOLDER):
        return each.note(_FOLDER) == "true"
    name = _title(each).lower()
    plain = name.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst"))
    return bool(_PACKED.fullmatch(each.media_type)) and not plain


def _layers(shown: str, blobs: Sequence[Descriptor]) -> list[tuple[str, Descriptor]]:
    if len(blobs) > _MOST_LAYERS:
        raise NotAllowed(
            f"{shown} has {len(blobs)} layers, more than {_MOST_LAYERS}",
            remedy="build it with fewer",
        )
    return [(f"layer-{number:03}", each) for number, each in enumerate(blobs)]


def _name(shown: str, each: Descriptor) -> str:
    title = _title(each)
    if not title:
        raise NoBackend(
            f"{shown} is an artifact with a file of type {each.media_type[:100]!r} "
            "and no name",
            remedy="push it with oras, which names each file",
        )
    if _is_folder(each):
        raise NoBackend(
            f"{shown} is an artifact of packed folders beside plain files",
            remedy="push the files, or one folder",
        )
    return title


def _title(each: Descriptor) -> str:
    return next((note for key in _NAMES if (note := each.note(key))), "")
