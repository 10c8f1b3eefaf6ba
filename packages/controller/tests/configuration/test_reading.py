"""The ConfigMap: KServe's keys and ours, every problem at once, origins kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies
from hypothesis import settings as limits
from inferry_controller.configuration import Configuration, of_file, read
from inferry_controller.configuration._fields import FIELDS, Takes
from inferry_controller.options import render_options
from inferry_controller.settings import SETTINGS

from inferry.errors import InvalidDocument

ORIGIN = "ConfigMap inferry/inferenceservice-config"
WRONG = "[kubernetes]\nmode = 'Standrd'\nmonitor = 5\n[ingres]\na = 1"
SHIPPED = Path(__file__).with_name("kserve.yaml")


def reading(**data: object) -> Configuration:
    return read({key: json.dumps(value) for key, value in data.items()}, ORIGIN)


def test_what_kserve_ships_is_read_without_a_problem() -> None:
    found = of_file(SHIPPED)
    assert found.problems == ()
    options = render_options(found.settings({}))
    assert (options.mode, options.ingress, options.ingress_class) == (
        "Knative",
        "ingress",
        "istio",
    )
    assert options.additional_domains == ("one.example.com", "two.example.com")
    assert options.container_requests == {"cpu": "1", "memory": "2Gi"}


def test_each_idle_part_of_it_is_named_with_the_reason() -> None:
    named = {
        note.split(",")[1].split(":")[0].strip() for note in of_file(SHIPPED).notes
    }
    assert named == {
        "agent",
        "batcher",
        "deploy.deploymentRolloutStrategy.defaultRollout.maxSurge",
        "deploy.deploymentRolloutStrategy.defaultRollout.maxUnavailable",
        "explainers",
        "localModel",
        "logger",
        "multiNode",
        "opentelemetryCollector",
        "router",
        "storageInitializer.cpuModelcar",
        "storageInitializer.enableModelcar",
        "storageInitializer.image",
        "storageInitializer.memoryModelcar",
        "storageInitializer.uidModelcar",
    }


def test_every_field_leads_to_a_setting_that_is_declared() -> None:
    declared = {
        (spec.spec.section, spec.spec.key) for spec in reading().settings({}).all()
    }
    aims = {
        field.path[:2]
        for fields in FIELDS.values()
        for field in fields.values()
        if isinstance(field, Takes)
    }
    assert aims <= declared
    assert {("kubernetes", spec.key) for spec in SETTINGS if spec.key == "mode"} <= aims


def test_a_value_says_where_it_came_from() -> None:
    settings = reading(ingress={"ingressDomain": "models.acme.test"}).settings({})
    assert settings.value("ingress", "domain") == "models.acme.test"
    assert settings.origin("ingress", "domain") == f"{ORIGIN}, ingress.ingressDomain"


def test_our_own_key_wins_over_those_of_kserve_and_the_environment_over_both() -> None:
    found = read(
        {
            "inferry.toml": '[ingress]\ndomain = "ours.test"\nurl_scheme = "https"',
            "ingress": '{"ingressDomain": "theirs.test", "urlScheme": "http"}',
        },
        ORIGIN,
    )
    settings = found.settings({"INFERRY_INGRESS__URL_SCHEME": "http"})
    assert settings.value("ingress", "domain") == "ours.test"
    assert settings.origin("ingress", "domain") == f"{ORIGIN}, inferry.toml"
    assert settings.value("ingress", "url_scheme") == "http"


def test_every_problem_is_told_at_once_and_what_is_right_stays() -> None:
    found = read(
        {
            "deploy": '{\n  "defaultDeploymentMode" "Standard"}',
            "ingress": json.dumps(
                {
                    "enableGatewayApi": "perhaps",
                    "ingresDomain": "x",
                    "kserveIngressGateway": "gateway",
                    "domainTemplate": "{{ .Labels.team }}.{{ .IngressDomain }}",
                    "urlScheme": "https",
                }
            ),
            "service": '{"serviceClusterIPNone": true, "serviceClusterIPNone": false}',
            "security": "[]",
            "logging": "{}",
            "inferry.toml": WRONG,
        },
        ORIGIN,
    )
    assert [each.removeprefix(f"{ORIGIN}, ") for each in found.problems] == [
        "deploy: not JSON: Expecting ':' delimiter (line 2, column 27)",
        "ingress.enableGatewayApi: must be true or false, got 'perhaps'",
        "ingress.ingresDomain: unknown field; did you mean 'ingressDomain'?",
        (
            "ingress.domainTemplate: a template here knows .Name, .Namespace, "
            ".IngressDomain, not {{ .Labels.team }}"
        ),
        "logging: unknown key; did you mean 'logger'?",
        "security: must be a JSON object, got list",
        "service: not usable JSON: 'serviceClusterIPNone' is there twice",
        (
            "ingress.kserveIngressGateway: [kubernetes] gateway: must be "
            "namespace/name, got 'gateway'"
        ),
        (
            "inferry.toml: [kubernetes] mode: must be one of Standard, RawDeployment, "
            "Knative, Serverless, got 'Standrd'; did you mean 'Standard'?"
        ),
        "inferry.toml: [kubernetes] monitor: must be a string, got 5",
        "inferry.toml: unknown section [ingres]; did you mean 'ingress'?",
    ]
    assert [each.path for each in found.given] == [("ingress", "url_scheme")]


def test_toml_that_is_none_is_told_with_its_position() -> None:
    found = read({"inferry.toml": "[kubernetes]\nmode = \n"}, ORIGIN)
    assert len(found.problems) == 1
    assert "line 2, column" in found.problems[0]


def test_templates_of_go_become_ours() -> None:
    settings = reading(
        ingress={
            "domainTemplate": "{{.Name}}.{{ .Namespace }}.{{- .IngressDomain -}}",
            "pathTemplate": "/serving/{{ .Namespace }}/{{ .Name }}",
        }
    ).settings({})
    template = settings.value("ingress", "domain_template")
    assert template == "{name}.{namespace}.{domain}"
    path = settings.value("kubernetes", "path_template")
    assert path == "/serving/{namespace}/{name}"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"enableGatewayApi": True}, "gateway"),
        ({"enableGatewayApi": False}, "ingress"),
        ({"enableGatewayApi": True, "disableIngressCreation": True}, "none"),
        ({"enableGatewayApi": False, "disableIngressCreation": False}, "ingress"),
        ({}, "gateway"),
    ],
)
def test_two_fields_make_the_kind_of_route(fields: object, kind: str) -> None:
    found = reading(ingress=fields)
    assert render_options(found.settings({})).ingress == kind


def test_an_image_of_somebody_else_fetches_models_but_kserves_own_does_not() -> None:
    theirs = reading(storageInitializer={"image": "kserve/storage-initializer:v0.20.0"})
    assert theirs.given == ()
    custom = reading(storageInitializer={"image": "acme.test/fetch:1"})
    options = render_options(custom.settings({}))
    assert options.storage_image == "acme.test/fetch:1"


def test_the_defaults_of_s3_reach_init_containers() -> None:
    fields = {"s3Endpoint": "minio:9000", "s3UseHttps": "0", "s3VerifySSL": True}
    found = reading(credentials={"s3": fields})
    assert found.problems == ()
    assert render_options(found.settings({})).storage_environment == {
        "S3_ENDPOINT": "minio:9000",
        "S3_USE_HTTPS": "0",
        "S3_VERIFY_SSL": "1",
    }


@pytest.mark.parametrize(
    ("mode", "surge"), [("Standard", "3"), ("RawDeployment", "3"), ("Knative", "25%")]
)
def test_a_default_rollout_is_one_of_the_standard_mode(mode: str, surge: str) -> None:
    rollout = {"defaultRollout": {"maxSurge": "3"}}
    found = reading(
        deploy={"defaultDeploymentMode": mode, "deploymentRolloutStrategy": rollout}
    )
    assert render_options(found.settings({})).max_surge == surge


def test_names_are_read_in_any_case_as_go_reads_them() -> None:
    found = reading(ingress={"ingressdomain": "a.test"})
    assert found.settings({}).value("ingress", "domain") == "a.test"


def test_settings_of_the_process_wait_for_its_next_start() -> None:
    found = read({"inferry.toml": "[controller]\nworkers = 4"}, ORIGIN)
    assert found.notes == (
        (
            f"{ORIGIN}, inferry.toml: [controller] workers takes effect when the "
            "controller starts again"
        ),
    )


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    # A lone surrogate is no text of a ConfigMap.
    | strategies.text(strategies.characters(exclude_categories=["Cs"])),
    lambda inner: (
        strategies.lists(inner)
        | strategies.dictionaries(strategies.text("abcS3.*_", max_size=8), inner)
    ),
    max_leaves=8,
)


@limits(deadline=None)
@given(
    strategies.sampled_from([*FIELDS, "inferry.toml", "else"]),
    strategies.one_of(strategies.text(max_size=60), JSON.map(json.dumps)),
)
def test_nothing_makes_it_fail(key: str, text: str) -> None:
    found = read({key: text}, ORIGIN)
    assert all("\n" not in each for each in (*found.problems, *found.notes))
    render_options(found.settings({}))


@limits(deadline=None)
@given(strategies.data())
def test_no_value_of_a_known_field_makes_it_fail(data: strategies.DataObject) -> None:
    key = data.draw(strategies.sampled_from([*FIELDS]))
    name = data.draw(strategies.sampled_from([*FIELDS[key]]))
    found = read({key: json.dumps({name: data.draw(JSON)})}, ORIGIN)
    render_options(found.settings({}))


def test_a_file_without_the_map_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text("kind: Secret")
    with pytest.raises(InvalidDocument, match="no ConfigMap"):
        of_file(file)
    with pytest.raises(InvalidDocument, match="No such file"):
        of_file(tmp_path / "none.yaml")
    file.write_text("kind: [")
    with pytest.raises(InvalidDocument, match="no YAML"):
        of_file(file)
