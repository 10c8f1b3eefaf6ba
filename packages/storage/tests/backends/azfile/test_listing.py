"""A share's listing is read, and what is none is refused."""

from __future__ import annotations

import pytest

from inferry.storage import Corrupt
from inferry_storage.backends.azfile.listing import Item, Page, read_page

HEAD = b"<EnumerationResults><Entries>"
TAIL = b"</Entries><NextMarker>n</NextMarker></EnumerationResults>"


def test_files_folders_and_the_next_page_are_read() -> None:
    data = (
        b"\xef\xbb\xbf"
        + HEAD
        + b'<File><Name Encoded="true">a%EF%BF%BE</Name><Properties>'
        b"<Content-Length>5</Content-Length><Etag>0x1</Etag></Properties></File>"
        b"<Directory><Name>b</Name><Properties/></Directory>" + TAIL
    )

    assert read_page("azfile://m", data) == Page(
        items=(
            Item(name="a\ufffe", size=5, etag='"0x1"'),
            Item(name="b", folder=True),
        ),
        marker="n",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"\xff\xfe",
        HEAD,
        HEAD + b"<Socket><Name>a</Name></Socket>" + TAIL,
        HEAD + b"<File></File>" + TAIL,
        HEAD + b"<File><Name>a</Name><Properties><Content-Length>-1</Content-Length>"
        b"</Properties></File>" + TAIL,
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + HEAD + TAIL,
    ],
)
def test_what_is_no_listing_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        read_page("azfile://m", data)
