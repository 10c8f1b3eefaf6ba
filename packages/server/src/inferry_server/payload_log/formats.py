"""Messages as files, with the columns of KServe's payload logger."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_server.payload_log.messages import Message, Origin

CONTENT_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def encode(form: str, messages: Sequence[Message], origin: Origin) -> bytes:
    """Return *messages* as a file of the format *form*."""
    rows = [_row(message, origin) for message in messages]
    if form == "json":
        return orjson.dumps(rows[0] if len(rows) == 1 else rows)
    flat = [_flat(row) for row in rows]
    return _csv(flat) if form == "csv" else _parquet(flat)


def _row(message: Message, origin: Origin) -> dict[str, Any]:
    return {
        "url": origin.url,
        "bytes": base64.b64encode(message.body).decode(),
        "contentType": message.content_type,
        "reqType": message.type,
        "id": message.id,
        "sourceUri": origin.source,
        "inferenceService": origin.service,
        "namespace": origin.namespace,
        "component": origin.component,
        "endpoint": origin.endpoint,
        "metadata": message.metadata,
        "annotations": origin.annotations,
        "certName": origin.ca_file,
        "tlsSkipVerify": not origin.verify,
    }


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in row.items()
    }


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        skips = str(row["tlsSkipVerify"]).lower()
        writer.writerow({**row, "tlsSkipVerify": skips})
    return out.getvalue().encode()


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()
