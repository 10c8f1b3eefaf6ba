"""What refusals of an API server mean at a command line."""

from __future__ import annotations

import pytest

pytest.importorskip("orjson", reason="the extra run is not installed")

from inferry_controller.backend._errors import explained
from inferry_controller.kube.errors import classified

from inferry.errors import BackendError

CASES = {
    (404, "cannot list x: the server could not find the requested resource"): (
        "the cluster does not know Inferry's kinds (serving.kserve.io)",
        "inferry manifests | kubectl apply -f -",
    ),
    (404, 'cannot apply x: namespaces "team" not found'): (
        "there is no namespace 'team'",
        "kubectl create namespace team",
    ),
    (
        403,
        (
            "cannot list x: inferenceservices.serving.kserve.io is forbidden: User "
            '"alice" cannot list resource "inferenceservices" in API group '
            '"serving.kserve.io" in the namespace "team"'
        ),
    ): (
        "alice may not list inferenceservices in the namespace 'team'",
        "grant it",
    ),
    (403, "x is forbidden: namespace team, because it is being terminated"): (
        "x is forbidden: namespace team, because it is being terminated",
        "wait until the namespace is gone",
    ),
    (0, "cannot list x: 127.0.0.1:9 cannot be reached"): (
        "cannot list x: 127.0.0.1:9 cannot be reached",
        "kubectl cluster-info",
    ),
    (0, "x:6443 cannot be reached (certificate verify failed)"): (
        "x:6443 cannot be reached (certificate verify failed)",
        "certificate-authority of the kubeconfig",
    ),
    (409, "cannot apply x: the object has been modified; try again"): (
        "cannot apply x: the object has been modified; try again",
        "take metadata.resourceVersion out of the file",
    ),
    (409, "cannot apply x: changed"): ("cannot apply x: changed", ""),
}


@pytest.mark.parametrize("answer", CASES)
def test_each_refusal_says_what_to_do(answer: tuple[int, str]) -> None:
    message, remedy = CASES[answer]
    with pytest.raises(BackendError) as raised, explained():
        raise classified(*answer)
    assert raised.value.message == message
    assert remedy in raised.value.remedy
