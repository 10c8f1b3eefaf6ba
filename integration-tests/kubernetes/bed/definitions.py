"""The kinds that a cluster needs besides its own: ours and those of gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from bed.binaries import module_folder

if TYPE_CHECKING:
    from pathlib import Path

    from bed.api import Object


def ours() -> list[Object]:
    """Return the kinds of ``serving.kserve.io`` as this package generates them."""
    from inferry.api import crds

    return [dict(definition) for definition in crds()]


def gateway_api() -> list[Object]:
    """Return the standard kinds of the Gateway API, as Contour's module pins them."""
    folder = module_folder("contour", "sigs.k8s.io/gateway-api")
    return _read(*sorted((folder / "config" / "crd" / "standard").glob("*.yaml")))


def contour() -> list[Object]:
    """Return the kinds that Contour itself needs."""
    folder = module_folder("contour", "github.com/projectcontour/contour")
    return _read(folder / "examples" / "contour" / "01-crds.yaml")


def _read(*files: Path) -> list[Object]:
    """By libyaml: Python's own reader takes seconds for them."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = [
        document
        for file in files
        for document in yaml.load_all(file.read_text(), Loader=loader)
    ]
    kind = "CustomResourceDefinition"
    return [document for document in documents if document and document["kind"] == kind]
