"""Which image a container runs: KServe's rules, ``{registry}`` and ``{version}``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_GPU_SUFFIXED = frozenset({"huggingfaceserver", "tensorflow-serving", "torchserve"})
_GPU = re.compile(r"nvidia\.com/(gpu|mig)")
_TAG = re.compile(r":([\w][\w.-]{0,127})\Z")


def fill_image(template: str, *, registry: str, version: str) -> str:
    """Return the image of a plugin's template.

    A version in the making (``0.1.0.dev0+g1a2b``) becomes a tag that registries accept.
    """
    image = template.replace("{version}", _tag_of(version))
    if not registry:
        return image.replace("{registry}/", "")
    return image.replace("{registry}", registry.rstrip("/"))


def retagged(pod: Mapping[str, Any], version: str, before: str) -> dict[str, Any]:
    """Return *pod* with the images of *version* as they were at version *before*."""
    now, then = f":{_tag_of(version)}", f":{_tag_of(before)}"
    containers = [
        {**each, "image": str(each["image"]).removesuffix(now) + then}
        if str(each.get("image", "")).endswith(now)
        else each
        for each in pod.get("containers") or ()
    ]
    return {**pod, "containers": containers}


def _tag_of(version: str) -> str:
    return re.sub(r"[^\w.-]", "-", version)


def tagged_image(
    image: str, *, runtime_version: str | None, server_type: str, limits: dict[str, Any]
) -> str:
    """Return *image* as KServe 0.20 tags it.

    An image with a digest stays as it is. ``runtimeVersion`` replaces the tag; without
    it the servers that publish an image of their own for GPUs get that one.
    """
    if not image or "@" in image:
        return image
    tag = _TAG.search(image)
    repository = image[: tag.start()] if tag else image
    if runtime_version:
        return f"{repository}:{runtime_version}"
    has_gpu = any(_GPU.match(name) for name in limits)
    if has_gpu and server_type in _GPU_SUFFIXED:
        return f"{repository}:{tag[1] if tag else 'latest'}-gpu"
    if not has_gpu and server_type == "vllmserver" and not repository.endswith("-cpu"):
        return f"{repository}-cpu{tag[0] if tag else ''}"
    return image
