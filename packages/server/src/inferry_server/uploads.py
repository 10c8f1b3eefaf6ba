"""Files that a load request brings along, kept where nothing else lies.

They are refused unless the settings name them, because whoever may upload a model may
run code in the server for many kinds of models.
Source: Triton, "Model Repository Extension", parameters ``file:<version>/<name>``.
"""

from __future__ import annotations

import binascii
import re
import tempfile
from base64 import b64decode
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from inferry.errors import InvalidInput
from inferry_server.errors import NotPermitted

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "file:"
_MOST_FILES = 64
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +=,@-]{0,199}\Z")
_DEEPEST = 8


class Upload:
    """The files of one model, until `close`; ``path`` is what the model loads."""

    def __init__(self, files: Mapping[PurePosixPath, bytes]) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="inferry-upload-", ignore_cleanup_errors=True
        )
        root = Path(self._folder.name)  # only this user may enter it
        for name, content in files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        versions = {name.parts[0] for name in files if len(name.parts) > 1}
        one = len(versions) == 1 and all(len(name.parts) > 1 for name in files)
        self.path = root / versions.pop() if one else root

    def close(self) -> None:
        """Remove the files; a model that has them open keeps them until it ends."""
        self._folder.cleanup()


def read_files(
    parameters: Mapping[str, object], allowed: tuple[str, ...], limit: int
) -> dict[PurePosixPath, bytes]:
    """Return the files among *parameters* by their path, checked.

    *allowed* are the paths that may come, or patterns of them; all files together have
    up to *limit* bytes.

    Raises:
        NotPermitted: A file that is not among *allowed*.
        InvalidInput: No path within a folder, no base64, or too much.

    """
    given = {key: value for key, value in parameters.items() if key.startswith(PREFIX)}
    if len(given) > _MOST_FILES:
        raise InvalidInput(f"{len(given)} files are given, at most {_MOST_FILES}")
    files: dict[PurePosixPath, bytes] = {}
    left = limit
    for key, value in given.items():
        path = _path(key.removeprefix(PREFIX))
        if not any(fnmatchcase(str(path), pattern) for pattern in allowed):
            raise NotPermitted(
                f"the file {str(path)!r} may not be uploaded; start the server with "
                f"--allow_uploads={path} to allow it"
            )
        files[path] = _content(value, path)
        left -= len(files[path])
        if left < 0:
            raise InvalidInput(f"the files have more than {limit} bytes together")
    for path in files:
        if any(parent in files for parent in path.parents):
            raise InvalidInput(f"the file {str(path)!r} lies in another file")
    return files


def _path(text: str) -> PurePosixPath:
    parts = text.split("/")
    if len(parts) > _DEEPEST or not all(map(_PART.match, parts)):
        raise InvalidInput(
            f"{text[:200]!r} is no path of a file to upload; write it like "
            "'1/model.onnx'"
        )
    return PurePosixPath(*parts)


def _content(value: object, path: PurePosixPath) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise InvalidInput(f"the content of {str(path)!r} is no base64 text")
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            f"the content of {str(path)!r} is not base64: {error}"
        ) from None
