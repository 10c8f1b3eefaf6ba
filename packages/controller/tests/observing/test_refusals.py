"""What admission says of pods that it does not take."""

from __future__ import annotations

import pytest
from inferry_controller.observing.refusals import (
    is_admission,
    of_admission,
    of_apply,
    of_name,
)

TEXTS = {
    'pods "iris-predictor-7d4-" is forbidden: exceeded quota: small, requested: '
    "cpu=1,memory=2Gi, used: cpu=2,memory=3Gi, limited: cpu=2,memory=4Gi": (
        "QuotaExceeded",
        "the quota small leaves no room for cpu=1,memory=2Gi",
    ),
    'pods "iris-" is forbidden: failed quota: small: must specify limits.cpu for: c': (
        "QuotaExceeded",
        "failed quota: small: must specify limits.cpu for: c",
    ),
    'pods "iris-" is forbidden: error looking up service account team/reader: '
    'serviceaccount "reader" not found': (
        "ServiceAccountNotFound",
        "there is no ServiceAccount 'reader'",
    ),
    'pods "iris-" is forbidden: violates PodSecurity "restricted:latest": privileged': (
        "PodRefused",
        (
            'the cluster refuses the pod: violates PodSecurity "restricted:latest": '
            "privileged"
        ),
    ),
    'admission webhook "images.acme.com" denied the request: no such registry': (
        "PodRefused",
        (
            'the cluster refuses the pod: admission webhook "images.acme.com" denied '
            "the request: no such registry"
        ),
    ),
}


@pytest.mark.parametrize("text", TEXTS)
def test_each_refusal_has_its_reason(text: str) -> None:
    found = of_admission(text)
    assert (str(found.reason), found.message) == TEXTS[text]


def test_what_is_used_meanwhile_makes_no_other_message() -> None:
    text = "exceeded quota: q, requested: cpu=1, used: cpu={}, limited: cpu=2"
    assert of_admission(text.format(1)) == of_admission(text.format(2))


HOOK = (
    'Internal error occurred: failed calling webhook "pods.acme.com": failed to call '
    "webhook: connection refused"
)
_CALL = "cannot apply deployments.apps team/iris-predictor: "
_INVALID = f'{_CALL}Deployment.apps "iris-predictor" is invalid: '


def test_a_webhook_that_does_not_answer_is_told_from_a_policy() -> None:
    """Nobody has to change a pod for it."""
    found = of_admission(f"Error creating: {HOOK}")
    assert found.reason == "PodRefused"
    assert "webhook" in found.remedy
    assert is_admission(f"{_CALL}{HOOK}")
    assert "webhook" in of_apply("Deployment", "d", HOOK, invalid=False).remedy


def test_an_invalid_pod_is_the_documents_fault() -> None:
    field = "spec.template.spec.containers[0].volumeMounts[0].name"
    text = f'{_INVALID}{field}: Not found: "v"'
    found = of_apply("Deployment", "iris-predictor", text, invalid=True)
    assert found.reason == "InvalidSpec"
    assert found.message == (
        "the API server refuses the Deployment iris-predictor: "
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"'
    )
    assert "field of the pod" in found.remedy
    ours = of_apply("HTTPRoute", "iris", "spec: odd", invalid=True)
    assert ours.reason == "ApplyFailed"


def test_whole_parts_of_a_pod_are_left_out() -> None:
    """Go prints a struct of a thousand characters before it says what is wrong."""
    value = '{"Capabilities":{"Add":null,"Drop":["ALL"]},"Privileged":true}'
    text = f"{_INVALID}spec.securityContext: Invalid value: {value}: cannot set both"
    found = of_apply("Deployment", "d", text, invalid=True)
    assert found.message.endswith(
        "the Deployment d: spec.securityContext: cannot set both"
    )


def test_quota_and_policy_for_what_is_applied() -> None:
    quota = (
        f'{_CALL}deployments.apps "d" is forbidden: exceeded quota: few, requested: '
        "count/deployments.apps=1, used: count/deployments.apps=0, limited: "
        "count/deployments.apps=0"
    )
    found = of_apply("Deployment", "d", quota, invalid=False)
    assert (found.reason, found.message) == (
        "QuotaExceeded",
        "the quota few leaves no room for count/deployments.apps=1",
    )
    text = f"{_CALL}ValidatingAdmissionPolicy 'owners' denied request: no owner"
    refused = of_apply("Deployment", "d", text, invalid=False)
    assert refused.reason == "ApplyFailed"
    assert "policy" in refused.remedy
    assert is_admission(text)
    assert not is_admission(_INVALID)


def test_a_name_that_somebody_has() -> None:
    text = f'{_CALL}Apply failed with 1 conflict: conflict with "test": .spec.selector'
    found = of_name("Deployment", "d", text)
    assert found.reason == "NameConflict"
    assert found.message == (
        "Deployment d is there already and belongs to somebody else: Apply failed with "
        '1 conflict: conflict with "test": .spec.selector'
    )
