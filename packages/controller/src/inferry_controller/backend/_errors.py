"""What an API server's refusals mean to somebody at a command line."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inferry.errors import BackendError
from inferry_controller.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    NotFound,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL = "install Inferry there: `inferry manifests | kubectl apply -f -`"
#: What is answered for a kind that is not served; the second comes from before that.
_NOT_SERVED = ("could not find the requested resource", "404 page not found")
_NAMESPACE = re.compile(r'namespaces "([^"]+)" not found')
_RIGHT = re.compile(
    r'User "([^"]*)" cannot (\w+) resource "([^"]+)" in API group "([^"]*)"'
    r'(?: in the namespace "([^"]+)")?'
)

#: What to do about an error of a class whose text has some words.
_REMEDIES = (
    (
        Forbidden,
        "because it is being terminated",
        "wait until the namespace is gone and create it again, or choose another",
    ),
    (
        Conflict,
        "object has been modified",
        "take metadata.resourceVersion out of the file to overwrite what is there",
    ),
    (
        Unavailable,
        "certificate verify failed",
        "check the certificate-authority of the kubeconfig, and the clock",
    ),
)


@contextmanager
def explained() -> Iterator[None]:
    """Give the errors of an API server the remedy of the whole cluster."""
    try:
        yield
    except ApiError as error:
        raise _explained(error) from None


def _explained(error: ApiError) -> BackendError:
    text = error.message
    if isinstance(error, NotFound) and any(part in text for part in _NOT_SERVED):
        msg = "the cluster does not know Inferry's kinds (serving.kserve.io)"
        return BackendError(msg, remedy=INSTALL)
    namespace = _NAMESPACE.search(text)
    if isinstance(error, NotFound) and namespace:
        msg = f"there is no namespace {namespace[1]!r}"
        return BackendError(msg, remedy=f"kubectl create namespace {namespace[1]}")
    right = _RIGHT.search(text)
    if isinstance(error, Forbidden) and right:
        user, verb, resource, _, where = right.groups()
        place = f" in the namespace {where!r}" if where else ""
        msg = f"{user} may not {verb} {resource}{place}"
        role = "view" if verb in {"get", "list", "watch"} else "edit"
        remedy = f"have somebody grant it, such as with the ClusterRole {role}"
        return BackendError(msg, remedy=remedy)
    return _with_remedy(error)


def _with_remedy(error: ApiError) -> BackendError:
    for kind, words, remedy in _REMEDIES:
        if isinstance(error, kind) and words in error.message:
            return BackendError(error.message, remedy=remedy)
    if isinstance(error, Unavailable) and not error.status:
        remedy = "check the network and the kubeconfig: `kubectl cluster-info`"
        return BackendError(error.message, remedy=remedy)
    return error
