"""KServe's placeholders: ``{{.Name}}`` and its like, without a template engine.

KServe runs Go's ``html/template``, which escapes values, turns a missing key into an
empty string and cannot reach a key with a dot. Here a value is put in as it is, every
key can be reached, and what is missing or not understood is an error that names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

ALLOWED = (
    "{{.Name}}, {{.Namespace}}, {{.Labels.KEY}}, {{.Annotations.KEY}}, "
    '{{.StorageUri}}, {{index .Labels "KEY"}} and {{index .Annotations "KEY"}}'
)
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"\.(Name|Namespace|StorageUri|IngressDomain)\Z")
_KEYED = re.compile(r"\.(Labels|Annotations)\.([^\s{}\"]+)\Z")
_INDEXED = re.compile(r"index\s+\.(Labels|Annotations)\s+[\"`]([^\"`]+)[\"`]\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What placeholders stand for; ``where`` names the object that holds them."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    storage_uri: str = ""
    ingress_domain: str = ""
    where: str = ""


def replace(value: Any, values: Values) -> Any:  # noqa: ANN401 - any YAML value
    """Return *value* with the placeholders in all of its strings replaced.

    Raises:
        PlanningError: A placeholder is not known, or its key is not set.

    """
    if isinstance(value, str):
        if "{{" not in value:
            return value
        return _PLACEHOLDER.sub(lambda match: _lookup(match, values), value)
    if isinstance(value, dict):
        return {key: replace(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [replace(item, values) for item in value]
    return value


def _lookup(match: re.Match[str], values: Values) -> str:
    inside = match[1].strip()
    if found := _FIELD.match(inside):
        return _plain(found[1], match[0], values)
    if found := _KEYED.match(inside) or _INDEXED.match(inside):
        return _keyed(found[1], found[2], match[0], values)
    msg = f"{values.where}: {match[0]} is not a placeholder"
    raise PlanningError(
        msg, reason=Reason.InvalidSpec, remedy=f"the placeholders are {ALLOWED}"
    )


def _plain(name: str, written: str, values: Values) -> str:
    found = {
        "Name": values.name,
        "Namespace": values.namespace,
        "StorageUri": values.storage_uri,
        "IngressDomain": values.ingress_domain,
    }[name]
    if found:
        return found
    msg = f"{values.where}: {written} stands for nothing here"
    raise PlanningError(
        msg,
        reason=Reason.InvalidSpec,
        remedy="set storageUri" if name == "StorageUri" else f"remove {written}",
    )


def _keyed(group: str, key: str, written: str, values: Values) -> str:
    found = values.labels if group == "Labels" else values.annotations
    if key in found:
        return found[key]
    kind = group.lower()
    msg = f"{values.where}: {written} needs the {kind[:-1]} {key!r}, which is not set"
    raise PlanningError(
        msg, reason=Reason.InvalidSpec, remedy=f"add it to metadata.{kind}"
    )
