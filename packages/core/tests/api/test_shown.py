from __future__ import annotations

import pytest

from inferry.api import shown


def test_uris_are_shown_without_what_signs_them() -> None:
    spec = {
        "model": {"storageUri": "https://u:p@h/m?sig=s#f"},
        "storageUris": [{"uri": "https://h/m?X-Amz-Signature=s"}],
        "logger": {"url": "https://u:p@h/log"},
    }
    assert shown(spec) == {
        "model": {"storageUri": "https://h/m"},
        "storageUris": [{"uri": "https://h/m"}],
        "logger": {"url": "https://h/log"},
    }


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "STORAGE_CONFIG",
        "STORAGE_OVERRIDE_CONFIG",
        "GIT_PASSWORD",
        "models.example.com-headers",
        "AZURE_STORAGE_ACCOUNT_KEY",
    ],
)
def test_variables_that_are_secret_by_name_are_hidden(name: str) -> None:
    assert shown([{"name": name, "value": "x"}]) == [
        {"name": name, "value": "********"}
    ]


def test_the_rest_is_shown_as_it_is() -> None:
    spec = {"env": [{"name": "GREETING", "value": "hello"}], "minReplicas": 1}
    assert shown(spec) == spec


def test_a_uri_in_a_variable_is_shown_without_its_query() -> None:
    entry = {"name": "STORAGE_URI", "value": "https://h/m?sig=s"}
    assert shown(entry)["value"] == "https://h/m"
