"""Names, namespaces, labels and the annotations that KServe reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry._suggest import closest
from inferry.api._names import (
    ANNOTATIONS,
    AUTOSCALER_CLASS,
    AUTOSCALER_CLASSES,
    DEPLOYMENT_MODE,
    LEGACY_MODES,
    MODES,
    PREFIX,
)
from inferry.api._problems import Finding
from inferry.api._rules._parts import components, predictors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._meta import ObjectMeta
    from inferry.api._problems import Path
    from inferry.api._types import (
        ComponentSpec,
        InferenceService,
        ServingRuntimeSpec,
    )

LONGEST_LABEL = 63
LONGEST_SUBDOMAIN = 253

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def service_name(service: InferenceService) -> Iterator[Finding]:
    """Starts with a letter, and leaves room for the names made from it."""
    path: Path = ("metadata", "name")
    if not _SERVICE_NAME.fullmatch(service.metadata.name):
        yield from check_service_name(service.metadata)
        return
    longest = max(_derived(service), key=len)
    if len(longest) > LONGEST_LABEL:
        message = f"is too long: {longest!r} has {len(longest)} characters, not 63"
        yield Finding(path, message)


def predictor_names(service: InferenceService) -> Iterator[Finding]:
    """A predictor's own name keeps the same shape."""
    for path, predictor in predictors(service):
        name = predictor.name
        if name is not None and not _SERVICE_NAME.fullmatch(name):
            message = f"is {name!r}; use lower case letters, digits and '-'"
            yield Finding((*path, "name"), message, _as_name(name))


def namespace(service: InferenceService) -> Iterator[Finding]:
    """A namespace is a DNS label."""
    yield from check_namespace(service.metadata)


def labels(service: InferenceService) -> Iterator[Finding]:
    """Labels and annotation keys have Kubernetes' shape."""
    yield from check_labels(("metadata",), service.metadata)
    for path, component in components(service):
        yield from check_labels(path, component)


def modes(service: InferenceService) -> Iterator[Finding]:
    """The mode and the autoscaler are known ones."""
    for name, known in (
        (DEPLOYMENT_MODE, MODES),
        (AUTOSCALER_CLASS, AUTOSCALER_CLASSES),
    ):
        value = service.metadata.annotations.get(name)
        if value is not None and value not in known:
            message = f"is {value!r}, which is none of {', '.join(known)}"
            suggestion = closest(value, [*known, *LEGACY_MODES])
            suggestion = LEGACY_MODES.get(suggestion, suggestion)
            fits = suggestion if suggestion in known else ""
            yield Finding(("metadata", "annotations", name), message, fits)


def known_annotations(service: InferenceService) -> Iterator[Finding]:
    """A misspelt annotation of KServe would have no effect."""
    for name in service.metadata.annotations:
        if name.startswith(PREFIX) and name not in ANNOTATIONS:
            tail = name.removeprefix(PREFIX)
            near = closest(tail, [each.removeprefix(PREFIX) for each in ANNOTATIONS])
            if near:
                path: Path = ("metadata", "annotations", name)
                message = "is no annotation that KServe or Inferry reads"
                yield Finding(path, message, PREFIX + near, "warning")


RULES = (service_name, predictor_names, namespace, labels, modes, known_annotations)


def check_service_name(metadata: ObjectMeta) -> Iterator[Finding]:
    """Yield a finding unless the name is one that hosts can be named by."""
    name = metadata.name
    if not _SERVICE_NAME.fullmatch(name):
        message = (
            f"is {name!r}; a name has lower case letters, digits and '-', and starts "
            "with a letter"
        )
        yield Finding(("metadata", "name"), message, _as_name(name))


def check_namespace(metadata: ObjectMeta) -> Iterator[Finding]:
    """Yield a finding unless the namespace is a DNS label."""
    name = metadata.namespace
    if not _DNS_LABEL.fullmatch(name) or len(name) > LONGEST_LABEL:
        message = f"is {name!r}; use at most 63 lower case letters, digits and '-'"
        yield Finding(("metadata", "namespace"), message, _as_name(name))


def check_object_name(metadata: ObjectMeta) -> Iterator[Finding]:
    """Yield a finding unless the name is a DNS subdomain, as most objects' are."""
    name = metadata.name
    if not _DNS_SUBDOMAIN.fullmatch(name) or len(name) > LONGEST_SUBDOMAIN:
        message = f"is {name!r}; use lower case letters, digits, '-' and '.'"
        yield Finding(("metadata", "name"), message, _as_name(name))


def check_labels(
    path: Path, owner: ObjectMeta | ComponentSpec | ServingRuntimeSpec
) -> Iterator[Finding]:
    """Yield a finding for each label or annotation key that Kubernetes refuses."""
    for key, value in owner.labels.items():
        where = (*path, "labels", key)
        if not _is_key(key):
            yield Finding(where, f"{key!r} is no label key such as example.com/team")
        shaped = not value or _LABEL_NAME.fullmatch(value)
        if not shaped or len(value) > LONGEST_LABEL:
            message = (
                f"is {value!r}; a label has at most 63 letters, digits, '-', '_' and "
                "'.', with a letter or digit at both ends (an annotation may hold more)"
            )
            yield Finding(where, message)
    for key in owner.annotations:
        if not _is_key(key):
            message = f"{key!r} is no annotation key such as example.com/team"
            yield Finding((*path, "annotations", key), message)


def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (
        not _DNS_SUBDOMAIN.fullmatch(prefix.lower()) or len(prefix) > LONGEST_SUBDOMAIN
    ):
        return False
    return bool(_LABEL_NAME.fullmatch(name)) and len(name) <= LONGEST_LABEL


def _derived(service: InferenceService) -> Iterator[str]:
    name = service.metadata.name
    for _, predictor in predictors(service):
        yield (
            f"{name}-{predictor.name}-predictor"
            if predictor.name
            else f"{name}-predictor"
        )
    for part in ("transformer", "explainer"):
        if getattr(service.spec, part):
            yield f"{name}-{part}"


def _as_name(text: str) -> str:
    """Return the nearest name that would be right, or '' when there is none."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789").rstrip("-")
    return name if name != text and len(name) <= LONGEST_LABEL else ""
