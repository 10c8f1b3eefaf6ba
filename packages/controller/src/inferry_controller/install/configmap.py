"""The ConfigMap of an install: the settings, each with what it is for."""

from __future__ import annotations

import json
from typing import Any

from inferry_controller.install.template import Code, Values
from inferry_controller.settings import SETTINGS

_HEAD = """\
# The settings of Inferry. A change takes effect at once, without a restart; what is
# wrong is told by an event of this ConfigMap, and the last good settings stay.
# KServe's own keys (ingress, deploy, storageInitializer ...) may stand beside this one;
# where both say something, this one wins.
"""
#: Helm's way to say what `_text` says; sections and keys are sorted in both.
_SECTIONS = """\
{{- $images := dict "registry" .Values.registry }}
{{- $own := dict "images" $images "plugins" (dict "allow" .Values.plugins) }}
{{- range $section, $keys := mergeOverwrite $own (deepCopy .Values.settings) }}
[{{ $section }}]
{{- range $key, $value := $keys }}
{{- if kindIs "map" $value }}
{{- range $name, $text := $value }}
{{ $key }}.{{ toJson $name }} = {{ toJson $text }}
{{- end }}
{{- else }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{- end }}
{{- end }}"""
_CONFIG = """\
{{- range $key, $value := .Values.config }}
{{ $key }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}"""


def data() -> Code:
    """Return the ``data`` of the ConfigMap."""
    head = "".join(f"  {line}\n" for line in (_HEAD + _known()).splitlines())
    sections = _SECTIONS.replace("\n", "\n  ").replace("  {{-", "{{-")
    helm = f"inferry.toml: |\n{head}{sections}\n{_CONFIG}"
    return Code(helm, _data)


def _data(values: Values) -> dict[str, str]:
    return {
        "inferry.toml": _HEAD + _known() + _text(values),
        **{
            key: value if isinstance(value, str) else _json(value)
            for key, value in values["config"].items()
        },
    }


def _known() -> str:
    """Return every setting of rendering, as a comment with its default."""
    lines = ["#"]
    section = ""
    for spec in SETTINGS:
        if spec.section != section:
            section = spec.section
            lines.append(f"# [{section}]")
        value = spec.default if isinstance(spec.default, dict) else None
        shown = _toml(spec.default) if value is None else _inline(value)
        lines.append(f"# {spec.key} = {shown}  # {spec.help}")
    # Braces of placeholders come in ones; Helm minds only twos.
    return "\n".join(lines) + "\n"


def _text(values: Values) -> str:
    own: dict[str, dict[str, Any]] = {
        "images": {"registry": values["registry"]},
        "plugins": {"allow": list(values["plugins"])},
    }
    for section, keys in values["settings"].items():
        own[section] = own.get(section, {}) | keys
    lines = []
    for section, keys in sorted(own.items()):
        lines.append(f"[{section}]")
        for key, value in sorted(keys.items()):
            lines += _lines(key, value)
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any) -> list[str]:  # noqa: ANN401 - what a setting may be
    if isinstance(value, dict):
        return [
            f"{key}.{_json(name)} = {_json(text)}"
            for name, text in sorted(value.items())
        ]
    return [f"{key} = {_json(value)}"]


def _toml(value: Any) -> str:  # noqa: ANN401 - what a setting may be
    return _json(list(value) if isinstance(value, tuple) else value)


def _inline(value: dict[str, str]) -> str:
    return (
        "{ " + ", ".join(f"{key} = {_json(each)}" for key, each in value.items()) + " }"
    )


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
