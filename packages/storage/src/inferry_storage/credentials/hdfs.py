"""The ladder of HDFS over HTTP.

Values: ``HDFS_NAMENODE``, ``HDFS_ROOTPATH``, ``USER_PROXY``, ``HEADERS``,
``KERBEROS_PRINCIPAL``, ``TLS_SKIP_VERIFY``, ``N_THREADS``, and the contents of
``KERBEROS_KEYTAB``, ``TLS_CERT``, ``TLS_KEY`` and ``TLS_CA``, with ``<name>_FILE``
beside each that is a file already. A keytab is bytes: encode it with
``surrogateescape``. ``CA_BUNDLE`` is of the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.storage import Credentials
from inferry_storage.credentials.files import json_object
from inferry_storage.credentials.places import (
    Folder,
    Place,
    ca_bundle,
    environment,
    places,
)

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

#: Values that are files where KServe mounts the secret.
FILES = ("KERBEROS_KEYTAB", "TLS_CERT", "TLS_KEY", "TLS_CA")
_PLAIN = (
    "HDFS_NAMENODE",
    "HDFS_ROOTPATH",
    "USER_PROXY",
    "HEADERS",
    "KERBEROS_PRINCIPAL",
    "TLS_SKIP_VERIFY",
    "N_THREADS",
)
#: Every key of an HDFS secret.
NAMES = (*_PLAIN, *FILES)
_POD = "kserve-hdfscreds"


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return the name node of *source*, and what it wants.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found = _place(source, lookup)
    values = {} if found is None else _values(found)
    values |= ca_bundle({}, lookup)
    if lookup.anonymous:
        for name in ("KERBEROS_PRINCIPAL", "KERBEROS_KEYTAB", "HEADERS"):
            values.pop(name, None)
        return Credentials(rung="anonymous", detail="asked for", values=values)
    if found is None:
        detail = "no HDFS_NAMENODE"
        return Credentials(rung="none", detail=detail, values=values)
    detail = "HDFS_NAMENODE" if found.step == "environment" else found.what
    return Credentials(rung=found.step, detail=detail, values=values)


def _place(source: Source, lookup: Lookup) -> Place | None:
    from pathlib import Path

    own = environment(lookup).get("HDFS_SECRET_DIR")
    if own:
        path = Path(own)
        lookup = msgspec.structs.replace(lookup, pod_folder=path.parent)
    for place in places(source, lookup, pod=Path(own).name if own else _POD):
        if place.taken("HDFS_NAMENODE", "KERBEROS_PRINCIPAL"):
            return place
    return None


def _values(place: Place) -> dict[str, str]:
    values = place.taken(*_PLAIN)
    for name in FILES:
        if content := place.values.get(name):
            values[name] = content
            if isinstance(place.values, Folder):
                values[f"{name}_FILE"] = str(place.values.path(name))
    if "HEADERS" in values:
        json_object(values["HEADERS"], what=f"HEADERS of {place.what}", step=place.step)
    for one, two in (
        ("KERBEROS_PRINCIPAL", "KERBEROS_KEYTAB"),
        ("TLS_CERT", "TLS_KEY"),
    ):
        place.pair(one, two)
    return values
