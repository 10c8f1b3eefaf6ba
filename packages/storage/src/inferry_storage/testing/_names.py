"""Models whose files have names that leave their folder, or hide each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import UnsafePath
from inferry_storage.testing._model import BadFile, BadModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.errors import StorageError

#: Each is refused by itself.
BAD_NAMES = (
    *("../evil", "a/../../evil", "a/..", "..", ".", "./a", "a/./b", "a/."),
    *("/etc/cron.d/evil", "//evil", "a//b", "a/", "/"),
    *("C:evil", "c:/evil", "C:\\evil", "\\\\host\\share", "..\\evil", "a\\..\\evil"),
    *("a\0b", "a\nb", "a\rb", "a\tb", "a\x1bb", "a\x7fb", "a\x80b", "a\x9bb"),
    *("model\u202egnp.bin", "a\u2066b", "a\u2069b", "a\u200eb", "a\u200fb", "\ufeffa"),
    *("a\u2028b", "a\u2029b", "a\u061cb"),
    *("x" * 256, "é" * 128, "a/" + "x" * 300, "/".join(["x" * 250] * 20)),
    *("a/" * 200 + "a", ".inferry", ".inferry/a", ".inferry-unpacked/a", ".INFERRY/a"),
    *(".journal", ".journal/a", ".Journal"),
)
#: One of each would hide the other on some file system.
BAD_PAIRS = (
    *(("a", "a"), ("a", "A"), ("a/b", "A/b"), ("a/b", "a/B"), ("ß", "SS")),
    *(("\u00e9", "e\u0301"), ("\u00c9", "e\u0301"), ("Å", "\u212b")),
    *(("a", "a/b"), ("a/b", "a"), ("A", "a/b"), ("a/b/c", "A/b"), ("a/b", "A/b/c")),
)


def bad_names() -> Iterator[BadModel]:
    """Yield a model for each name, at the top and in a folder, and for each pair."""
    for name in BAD_NAMES:
        yield _named(f"the name {name[:40]!r}", name)
    for name in BAD_NAMES:
        if not name.startswith(("/", ".i", ".I", ".j", ".J", "C:", "c:")):
            yield _named(
                f"the name {name[:40]!r} in a folder", "good.bin", f"in/{name}"
            )
    for pair in BAD_PAIRS:
        yield _named(f"the names {pair[0]!r} and {pair[1]!r}", *pair)
        yield _named(f"the names {pair[0]!r}, c and {pair[1]!r}", pair[0], "c", pair[1])


def _named(name: str, *paths: str) -> BadModel:
    errors: tuple[type[StorageError], ...] = (UnsafePath,)
    files = tuple(BadFile(path=path) for path in paths)
    return BadModel(name=name, kind="name", files=files, errors=errors)
