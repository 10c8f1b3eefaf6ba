"""Compare the version of the text format with those that LightGBM reads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import lightgbm

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from inferry_runtime_lightgbm._document import Document

__all__ = ["compare"]

_LOG = logging.getLogger(__name__)
#: Format -> the LightGBM that wrote it; a file does not say more.
_WRITTEN_BY = {"v2": "2", "v3": "3", "v4": "4"}


def compare(document: Document, *, strict: bool) -> None:
    """Report a model of another major version; LightGBM reads older ones.

    Raises:
        ModelLoadError: It is another, and *strict*.

    """
    installed = str(lightgbm.__version__)
    version = document.header.version
    wrote = _WRITTEN_BY.get(version, "")
    if wrote == installed.partition(".")[0]:
        return
    by = f"LightGBM {wrote}" if wrote else f"a LightGBM with the format {version}"
    said = f"{document.name} was saved by {by}, installed is {installed}"
    if strict:
        raise ModelLoadError(
            said,
            reason=Reason.ModelVersionMismatch,
            remedy=f"save the model again with LightGBM {installed}",
        )
    _LOG.warning("%s; its answers may differ", said)
