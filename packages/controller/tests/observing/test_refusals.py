"""What admission says of pods that it does not take."""

from __future__ import annotations

import pytest
from inferry_controller.observing.refusals import of_admission

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
