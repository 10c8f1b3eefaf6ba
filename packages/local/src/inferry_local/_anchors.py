"""Give relative model paths the meaning they have in their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from inferry.api import InferenceService, TrainedModel
from inferry.planning import anchored

if TYPE_CHECKING:
    from inferry.api import Document, Located


def anchored_document(located: Located) -> Document:
    """Return the document with relative model paths below the folder of its file."""
    document = located.document
    file = Path(located.origin.file)
    folder = file.parent if file.is_file() else Path.cwd()
    if isinstance(document, InferenceService):
        return anchored(document, folder)
    if (
        isinstance(document, TrainedModel)
        and "://" not in document.spec.model.storage_uri
    ):
        uri = str(folder.absolute() / document.spec.model.storage_uri)
        model = replace(document.spec.model, storage_uri=f"file://{uri}")
        return replace(document, spec=replace(document.spec, model=model))
    return document
