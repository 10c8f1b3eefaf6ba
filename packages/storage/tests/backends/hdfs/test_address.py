"""KServe's URIs, which name no host, and Hadoop's, which do."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.backends.hdfs.address import Address, parse

NAMENODE = {"HDFS_NAMENODE": "http://nn1:9870; http://nn2:9870/"}
BOTH = ("http://nn1:9870", "http://nn2:9870")
ROOTED = {**NAMENODE, "HDFS_ROOTPATH": "/models"}


@pytest.mark.parametrize(
    ("uri", "values", "expected"),
    [
        ("hdfs://user/me/m", NAMENODE, Address(namenodes=BOTH, path="/user/me/m")),
        ("webhdfs://user/me/m/", NAMENODE, Address(namenodes=BOTH, path="/user/me/m")),
        ("hdfs://me/m", ROOTED, Address(namenodes=BOTH, path="/models/me/m")),
        ("hdfs:///me/m", ROOTED, Address(namenodes=BOTH, path="/me/m")),
        ("hdfs://nn1:8020/me/m", NAMENODE, Address(namenodes=BOTH, path="/me/m")),
        ("hdfs://My%20Dir/m", NAMENODE, Address(namenodes=BOTH, path="/My Dir/m")),
        (
            "webhdfs://ann@nn:9870/me/m",
            {},
            Address(namenodes=("http://nn:9870",), path="/me/m", user="ann"),
        ),
        (
            "swebhdfs://nn/me/m",
            {},
            Address(namenodes=("https://nn",), path="/me/m"),
        ),
        (
            "hdfs://me/m",
            {"HDFS_NAMENODE": "nn.example.com"},
            Address(namenodes=("https://nn.example.com",), path="/me/m"),
        ),
    ],
)
def test_an_address_names_namenodes_and_a_path(
    uri: str, values: dict[str, str], expected: Address
) -> None:
    assert parse(uri, values) == expected


@pytest.mark.parametrize(
    ("uri", "values", "kind"),
    [
        ("hdfs://nn:8020/m", {}, InvalidUri),
        ("hdfs:///m", {}, InvalidUri),
        ("webhdfs://nn:9870/", {}, InvalidUri),
        ("hdfs://", NAMENODE, InvalidUri),
        ("hdfs://a/../b", NAMENODE, InvalidUri),
        ("hdfs://a/%2e%2e/b", NAMENODE, InvalidUri),
        ("hdfs://a/b?op=DELETE", NAMENODE, InvalidUri),
        ("hdfs://a/b%00", NAMENODE, InvalidUri),
        ("webhdfs://me:canary@nn:9870/a", {}, InvalidUri),
        ("webhdfs://nn:x/a", {}, InvalidUri),
        ("hdfs://other:8020/a", NAMENODE, NotAllowed),
    ],
)
def test_what_is_no_address_is_refused(
    uri: str, values: dict[str, str], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        parse(uri, values)

    assert "canary" not in str(caught.value)
