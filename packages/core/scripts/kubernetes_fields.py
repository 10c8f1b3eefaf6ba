# ruff: noqa: INP001 - a script, not part of a package
"""Write ``inferry/api/_kubernetes.json``: the fields of the Kubernetes types we inline.

The loader checks pod and container fields against this table. It holds facts only: the
name of each type and, for each field, its type. Run it in an environment of its own
that has the official client, and edit nothing by hand:

    uv venv /tmp/fields && uv pip install --python /tmp/fields kubernetes==37.0.2
    /tmp/fields/bin/python packages/core/scripts/kubernetes_fields.py

Types are written ``str``, ``int``, ``bool``, ``any``, ``quantity``, ``int|str``,
``[T]`` (list), ``{T}`` (map from text) or the name of another type of the table; a
trailing ``!`` marks a field that Kubernetes requires.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

from kubernetes.client import models

TABLE = Path(__file__).parents[1] / "src" / "inferry" / "api" / "_kubernetes.json"
ROOTS = (
    "V1PodSpec",
    "V1Container",
    "V1DeploymentStrategy",
    "V2HorizontalPodAutoscalerBehavior",
)
SCALARS = {
    "str": "str",
    "int": "int",
    "float": "int",
    "bool": "bool",
    "datetime": "str",
    "object": "int|str",
}
# The client calls a quantity "str", which loses that numbers are fine too.
EXACT = {
    "EmptyDirVolumeSource.sizeLimit": "quantity",
    "HPAScalingRules.tolerance": "quantity",
    "ManagedFieldsEntry.fieldsV1": "any",
    "PodSpec.overhead": "{quantity}",
    "ResourceFieldSelector.divisor": "quantity",
    "ResourceRequirements.limits": "{quantity}",
    "ResourceRequirements.requests": "{quantity}",
    "VolumeResourceRequirements.limits": "{quantity}",
    "VolumeResourceRequirements.requests": "{quantity}",
}
# KServe inlines these types, where its own fields or defaults stand for the field.
OPTIONAL = {"PodSpec.containers", "Container.name"}


def short(name: str) -> str:
    """Return the Kubernetes name of a model class: ``V1PodSpec`` is ``PodSpec``."""
    return re.sub(r"^(Core)?V\d+((alpha|beta)\d+)?", "", name)


def spelling(type_text: str) -> str:
    """Translate the client's type text into the table's."""
    if match := re.fullmatch(r"[Ll]ist\[(.+)\]", type_text):
        return f"[{spelling(match[1])}]"
    if match := re.fullmatch(r"[Dd]ict[\[(]str, (.+)[\])]", type_text):
        return f"{{{spelling(match[1])}}}"
    return SCALARS.get(type_text) or short(type_text)


def required_fields(model: type) -> set[str]:
    """Return the fields, as the API spells them, that the client insists on."""
    fields = model.model_fields.items()
    wanted = {key for key, field in fields if field.is_required()}
    names = {key: field.alias or key for key, field in fields}
    spelt = {names[key] for key in wanted}
    return spelt | {model.attribute_map.get(key, key) for key in wanted}


def fields_of(model: type) -> dict[str, str]:
    """Return the table's row for one model class."""
    row = {}
    needed = required_fields(model)
    for attribute, type_text in model.openapi_types.items():
        field = model.attribute_map[attribute]
        key = f"{short(model.__name__)}.{field}"
        text = EXACT.get(key) or spelling(type_text)
        mark = "!" if field in needed and key not in OPTIONAL else ""
        row[field] = text + mark
    return dict(sorted(row.items()))


def table() -> dict[str, dict[str, str]]:
    """Return every type that the roots reach."""
    rows: dict[str, dict[str, str]] = {}
    queue = list(ROOTS)
    while queue:
        model = getattr(models, queue.pop())
        if short(model.__name__) in rows:
            continue
        rows[short(model.__name__)] = fields_of(model)
        for type_text in model.openapi_types.values():
            queue.extend(re.findall(r"(?:Core)?V\d\w*", type_text))
    return dict(sorted(rows.items()))


def main() -> None:
    """Write the table beside the module that reads it."""
    content = {"client": version("kubernetes"), "types": table()}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    TABLE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
