"""Trees that git would not write are refused, or their names given as they are."""

from __future__ import annotations

import hashlib
import tempfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import Corrupt, NotFound, TooLarge, UnsafePath
from inferry_storage.backends.git.pack import Pack
from inferry_storage.backends.git.tree import File, Listing, listing

_KINDS = {"commit": 1, "tree": 2, "blob": 3}


def named(kind: str, data: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).digest()


def packed(*objects: tuple[str, bytes]) -> Pack:
    body = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, data in objects:
        left, head = len(data) >> 4, bytearray([_KINDS[kind] << 4 | len(data) & 15])
        while left:
            head[-1] |= 0x80
            head.append(left & 0x7F)
            left >>= 7
        body += bytes(head) + zlib.compress(data)
    with tempfile.TemporaryFile() as file:
        file.write(body + hashlib.sha1(body).digest())
        file.flush()
        return Pack(file, limit=2**20, most=1000)


def listed(tree: bytes, *more: tuple[str, bytes], path: str = "") -> Listing:
    commit = b"tree " + named("tree", tree).hex().encode() + b"\nauthor x\n"
    pack = packed(("commit", commit), ("tree", tree), ("blob", b"a"), *more)
    try:
        return listing(pack, named("commit", commit).hex(), path, 50)
    finally:
        pack.close()


def item(
    name: bytes, mode: bytes = b"100644", oid: bytes = named("blob", b"a")
) -> bytes:
    return mode + b" " + name + b"\0" + oid


def test_files_modules_and_folders_are_told_apart() -> None:
    inner = item(b"run", b"100755")
    tree = (
        item(b"a") + item(b"m", b"160000") + item(b"t", b"40000", named("tree", inner))
    )

    found = listed(tree, ("tree", inner))

    blob = named("blob", b"a")
    assert found == Listing(
        files=(File("a", blob), File("t/run", blob)), modules=("m",)
    )
    assert listed(tree, ("tree", inner), path="t/run").files == (File("run", blob),)
    with pytest.raises(NotFound):
        listed(tree, ("tree", inner), path="m")


def test_a_name_that_leads_out_is_given_as_it_is() -> None:
    found = listed(item(b"..") + item(b"C:\\x") + item(b".git"))

    assert [file.path for file in found.files] == ["..", "C:\\x", ".git"]


@pytest.mark.parametrize(
    ("tree", "kind"),
    [
        (item(b"l", b"120000"), UnsafePath),
        (item(b"d", b"20000"), UnsafePath),
        (item(b"a/b"), UnsafePath),
        (item(b"\xff"), UnsafePath),
        (item(b"a", b"999999"), UnsafePath),
        (item(b"a")[:-1], Corrupt),
        (b"100644 a", Corrupt),
        (item(b"t", b"40000", bytes(20)), Corrupt),
        (b"".join(item(b"%d" % number) for number in range(51)), TooLarge),
    ],
)
def test_a_tree_that_is_none_is_refused(tree: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        listed(tree)


def test_a_commit_that_is_none_is_refused() -> None:
    pack = packed(("blob", b"a"))
    with pytest.raises(Corrupt):
        listing(pack, named("blob", b"a").hex(), "", 10)
    with pytest.raises(Corrupt):
        listing(pack, "0" * 40, "", 10)
    pack.close()
    broken = b"tree of nothing\n"
    pack = packed(("commit", broken))
    with pytest.raises(Corrupt):
        listing(pack, named("commit", broken).hex(), "", 10)
    pack.close()


@given(st.binary(max_size=200))
def test_whatever_a_tree_holds_it_is_read_or_refused(tree: bytes) -> None:
    try:
        listed(tree)
    except (Corrupt, UnsafePath):
        return
