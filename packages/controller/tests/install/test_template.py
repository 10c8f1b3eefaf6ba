"""Trees with values in them, filled in and written for Helm."""

from __future__ import annotations

from inferry_controller.install.helm import write
from inferry_controller.install.template import (
    EACH,
    Code,
    Listed,
    Ref,
    Spread,
    Template,
    When,
    equals,
    given,
    joined,
    more_than,
    resolve,
)

TREE = {
    "kind": "Thing",
    "text": joined(Ref("a"), "-", Ref("inner.b")),
    "number": Ref("n", whole=True),
    "gone": When(given(Ref("no")), 1),
    "kept": When(equals(Ref("a"), "x"), When(more_than(Ref("n"), 1), "yes")),
    "labels": {"own": 1, Spread(Ref("labels")): None},
    "tree": Ref("labels", tree=True),
    "list": [1, When(given(Ref("no")), 2), {"a": {"b": 3}}],
    "each": Listed(Ref("names"), {"name": EACH}),
    "code": Code("{{ 1 }}", lambda values: values["n"] - 1),
    "lines": "one\ntwo\n",
    "braces": "{{ .Name }}",
}
VALUES = {
    "a": "x",
    "inner": {"b": "y"},
    "n": 2,
    "no": "",
    "labels": {"l": "m"},
    "names": ["p", "q"],
}


def test_a_tree_is_filled_in() -> None:
    assert resolve(TREE, VALUES) == {
        "kind": "Thing",
        "text": "x-y",
        "number": 2,
        "kept": "yes",
        "labels": {"own": 1, "l": "m"},
        "tree": {"l": "m"},
        "list": [1, {"a": {"b": 3}}],
        "each": [{"name": "p"}, {"name": "q"}],
        "code": 1,
        "lines": "one\ntwo\n",
        "braces": "{{ .Name }}",
    }


def test_the_same_tree_is_written_for_helm() -> None:
    text = write(Template(file="thing", body=TREE, when=(given(Ref("a")),)))
    assert (
        text
        == """\
{{- if .Values.a }}
---
kind: Thing
text: "{{ .Values.a }}-{{ .Values.inner.b }}"
number: {{ .Values.n }}
{{- if .Values.no }}
gone: 1
{{- end }}
{{- if eq .Values.a "x" }}
{{- if gt (int .Values.n) 1 }}
kept: 'yes'
{{- end }}
{{- end }}
labels:
  own: 1
  {{- with .Values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
tree:
  {{- toYaml .Values.labels | nindent 2 }}
list:
  - 1
  {{- if .Values.no }}
  - 2
  {{- end }}
  - a:
      b: 3
each:
  {{- range $item := .Values.names }}
  - name: {{ $item | quote }}
  {{- end }}
code:
  {{ 1 }}
lines: |
  one
  two
braces: '{{ "{{" }} .Name }}'
{{- end }}
"""
    )


def test_a_loop_makes_an_object_for_each() -> None:
    template = Template(file="x", body={"name": EACH}, each=Ref("names"))
    assert template.objects(VALUES) == [{"name": "p"}, {"name": "q"}]
    assert write(template) == (
        "{{- range $item := .Values.names }}\n---\nname: {{ $item | quote }}\n"
        "{{- end }}\n"
    )


def test_a_test_that_fails_leaves_nothing() -> None:
    template = Template(file="x", body={"a": 1}, when=(given(Ref("no")),))
    assert template.objects(VALUES) == []
