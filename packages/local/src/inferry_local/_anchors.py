"""Give relative model paths the meaning they have in their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inferry.api import InferenceService
from inferry.planning import anchored

if TYPE_CHECKING:
    from inferry.api import Document, Located


def anchored_document(located: Located) -> Document:
    """Return the document with relative model paths below the folder of its file."""
    document = located.document
    if not isinstance(document, InferenceService):
        return document
    file = Path(located.origin.file)
    return anchored(document, file.parent if file.is_file() else Path.cwd())
