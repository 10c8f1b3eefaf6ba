from __future__ import annotations

import base64

from inferry.api import loads
from inferry.planning import secrets_of
from inferry.storage import Secret

KEYTAB = b"\x05\x02\xff\x00"
TEXT = f"""
apiVersion: v1
kind: Secret
metadata: {{name: a, annotations: {{x: y}}}}
data:
  KEY: {base64.b64encode(b"value").decode()}
  KERBEROS_KEYTAB: {base64.b64encode(KEYTAB).decode()}
stringData: {{MORE: text}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: sa, namespace: team}}
secrets: [{{name: a}}]
imagePullSecrets: [{{name: b}}]
"""


def documents() -> list[object]:
    return [each.document for each in loads(TEXT).documents]


def test_values_are_decoded_and_bytes_survive() -> None:
    secret, _ = secrets_of(documents())
    keytab = secret.data["KERBEROS_KEYTAB"].encode("utf-8", "surrogateescape")
    assert (secret.data["KEY"], secret.data["MORE"]) == ("value", "text")
    assert keytab == KEYTAB
    assert secret.annotations == {"x": "y"}


def test_an_account_lists_its_secrets() -> None:
    (account,) = secrets_of(documents(), "team")
    assert account == Secret(
        name="sa",
        namespace="team",
        kind="ServiceAccount",
        lists=("a",),
        pulls=("b",),
    )


def test_a_namespace_sees_only_its_own() -> None:
    assert [each.name for each in secrets_of(documents(), "default")] == ["a"]
