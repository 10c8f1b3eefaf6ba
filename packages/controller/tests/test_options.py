"""What rendering is told: values are checked, all of them, and know their origin."""

from __future__ import annotations

import pytest
from inferry_controller.options import RenderOptions, render_options
from inferry_controller.settings import SETTINGS

from inferry.config import Settings, SettingsSpec, load_settings, read_text
from inferry.errors import SettingsError


def settings(**environ: str) -> Settings:
    found = load_settings(environ={f"INFERRY_{k}": v for k, v in environ.items()})
    found.declare(SETTINGS)
    return found


def test_every_option_has_a_setting_with_its_default() -> None:
    found = render_options(settings())
    image = found.storage_image
    assert image.startswith("ghcr.io/inferry/inferry-storage:")
    plain = RenderOptions(
        storage_image=image,
        storage_requests=found.storage_requests,
        storage_limits=found.storage_limits,
    )
    assert found == plain


def test_kserves_older_names_of_modes_are_taken() -> None:
    assert render_options(settings(KUBERNETES__MODE="Serverless")).mode == "Knative"
    assert render_options(settings(KUBERNETES__MODE="RawDeployment")).mode == "Standard"


def test_all_that_is_wrong_is_told_at_once_with_its_origin() -> None:
    with pytest.raises(SettingsError) as caught:
        render_options(
            settings(
                KUBERNETES__MODE="Knativ",
                KUBERNETES__GATEWAY="one/two/three",
                INGRESS__DOMAIN="-.example",
                KUBERNETES__STORAGE_LIMITS="cpu=lots,memory=1Gi",
                KUBERNETES__MAX_SURGE="some",
            )
        )
    assert sorted(caught.value.problems) == [
        (
            "INFERRY_INGRESS__DOMAIN: [ingress] domain: must be a domain such as "
            "example.com, got '-.example'"
        ),
        (
            "INFERRY_KUBERNETES__GATEWAY: [kubernetes] gateway: must be "
            "namespace/name, got 'one/two/three'"
        ),
        (
            "INFERRY_KUBERNETES__MAX_SURGE: [kubernetes] max_surge: must be a number "
            "or a percentage, got 'some'"
        ),
        (
            "INFERRY_KUBERNETES__MODE: [kubernetes] mode: must be one of Standard, "
            "RawDeployment, Knative, Serverless, got 'Knativ'; did you mean 'Knative'?"
        ),
        (
            "INFERRY_KUBERNETES__STORAGE_LIMITS: [kubernetes] storage_limits: must be "
            "quantities such as 100m or 1Gi, got 'lots'"
        ),
    ]


def test_settings_that_nobody_here_declares_reach_pods_as_they_are() -> None:
    found = load_settings(
        environ={}, given=read_text('[storage]\nendpoints = ["http://a.test"]', "x")
    )
    found.declare(SETTINGS)
    assert render_options(found).storage_environment == {
        "INFERRY_STORAGE__ENDPOINTS": '["http://a.test"]'
    }


def test_what_is_set_for_servers_and_fetches_reaches_their_pods() -> None:
    found = settings(
        SERVER__LIMIT="5", SERVER__NAMES='["a", "b"]', SERVER__TOKEN="hidden"
    )
    found.declare(
        (
            SettingsSpec(section="server", key="limit", type="int", default=1),
            SettingsSpec(section="server", key="names", type="list", default=()),
            SettingsSpec(section="server", key="token", default="", secret=True),
            SettingsSpec(section="server", key="else", type="bool", default=False),
        )
    )
    assert render_options(found).server_environment == {
        "INFERRY_SERVER__LIMIT": "5",
        "INFERRY_SERVER__NAMES": '["a", "b"]',
    }
