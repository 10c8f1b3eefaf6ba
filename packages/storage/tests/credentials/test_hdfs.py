from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Secret, Unauthenticated

URI = "webhdfs://models/a"
KEYTAB = b"\x05\x02\xff".decode("utf-8", "surrogateescape")
DATA = {
    "HDFS_NAMENODE": "https://node:9871",
    "HDFS_ROOTPATH": "/user",
    "KERBEROS_PRINCIPAL": "me@REALM",
    "KERBEROS_KEYTAB": KEYTAB,
    "HEADERS": '{"a": "b"}',
}


def hdfs(**data: str) -> dict[str, Any]:
    return {"secrets": (Secret(name="hdfs", data=data),), "named": ("hdfs",)}


def test_a_secret_answers_with_the_keytab_s_bytes(ask: Any) -> None:
    found = ask("hdfs", URI, **hdfs(**DATA))
    assert (found.rung, found.values) == ("secret", DATA)
    keytab = found.values["KERBEROS_KEYTAB"].encode("utf-8", "surrogateescape")
    assert keytab == b"\x05\x02\xff"


def test_kserve_s_folder_answers_with_paths_too(ask: Any) -> None:
    folder = ask.write("creds/HDFS_NAMENODE", "https://node\n").parent
    keytab = ask.write("creds/KERBEROS_KEYTAB", b"\x05\x02\xff")
    ask.write("creds/KERBEROS_PRINCIPAL", "me@REALM")
    found = ask("hdfs", URI, environ={"HDFS_SECRET_DIR": str(folder)})
    assert (found.rung, found.detail) == ("mounted", str(folder))
    assert found.values["HDFS_NAMENODE"] == "https://node"
    assert found.values["KERBEROS_KEYTAB"] == KEYTAB
    assert found.values["KERBEROS_KEYTAB_FILE"] == str(keytab)


@pytest.mark.parametrize(
    ("absent", "there"),
    [("KERBEROS_KEYTAB", "KERBEROS_PRINCIPAL"), ("TLS_KEY", "TLS_CERT")],
)
def test_half_a_pair_is_refused(ask: Any, absent: str, there: str) -> None:
    data = {"HDFS_NAMENODE": "https://node", there: "hunter2"}
    with pytest.raises(Unauthenticated, match=f"has {there} and no {absent}") as caught:
        ask("hdfs", URI, **hdfs(**data))
    assert "hunter2" not in str(caught.value)


def test_headers_that_are_no_json_are_refused(ask: Any) -> None:
    with pytest.raises(Unauthenticated, match="invalid JSON in HEADERS") as caught:
        ask("hdfs", URI, **hdfs(HDFS_NAMENODE="https://node", HEADERS="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_nothing_found_is_said(ask: Any) -> None:
    assert ask("hdfs", URI).detail == "no HDFS_NAMENODE"


def test_anonymous_drops_who_asks(ask: Any) -> None:
    found = ask("hdfs", URI, **hdfs(**DATA), settings={"anonymous": True})
    assert found.values == {
        "HDFS_NAMENODE": "https://node:9871",
        "HDFS_ROOTPATH": "/user",
    }
