"""Settings: sources, precedence, types, and every problem at once."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from inferry.config import Settings, load_settings, read_text
from inferry.errors import SettingsError
from inferry.plugins import Host, SettingsSpec

THREADS = SettingsSpec(section="plugins.onnx", key="threads", type="int", default=1)
TOKEN = SettingsSpec(section="plugins.acme-hub", key="token", secret=True)


def problems(error: pytest.ExceptionInfo[SettingsError]) -> list[str]:
    return list(error.value.problems)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "inferry.toml"


def test_defaults_stand_where_nothing_is_given() -> None:
    settings = load_settings(environ={})
    assert settings.value("ingress", "domain") == "example.com"
    assert settings.origin("ingress", "domain") == "default"
    assert settings.section("ingress")["url_scheme"] == "http"


def test_a_later_source_wins_and_is_named(file: Path) -> None:
    file.write_text('[ingress]\ndomain = "file"\nurl_scheme = "https"\n')
    environ = {"INFERRY_INGRESS__DOMAIN": "variable"}
    settings = load_settings(path=file, environ=environ)
    assert settings.value("ingress", "domain") == "variable"
    assert settings.origin("ingress", "domain") == "INFERRY_INGRESS__DOMAIN"
    assert settings.origin("ingress", "url_scheme") == str(file)
    flag = {"ingress.domain": "flag"}
    settings = load_settings(path=file, environ=environ, overrides=flag)
    assert settings.value("ingress", "domain") == "flag"
    assert settings.origin("ingress", "domain") == "--set"


def test_the_file_of_the_folder_is_found() -> None:
    Path("inferry.toml").write_text('[ingress]\ndomain = "here"\n')
    assert load_settings(environ={}).value("ingress", "domain") == "here"


def test_the_variable_names_the_file(file: Path) -> None:
    file.write_text('[ingress]\ndomain = "named"\n')
    settings = load_settings(environ={"INFERRY_CONFIG": str(file)})
    assert settings.value("ingress", "domain") == "named"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    with pytest.raises(SettingsError, match=r"no\.toml does not exist"):
        load_settings(path=missing, environ={})
    with pytest.raises(SettingsError, match="from INFERRY_CONFIG"):
        load_settings(environ={"INFERRY_CONFIG": str(missing)})


def test_broken_toml_names_file_and_line(file: Path) -> None:
    file.write_text("[ingress]\ndomain = \n")
    with pytest.raises(SettingsError, match=r"inferry\.toml: not a TOML file.*line 2"):
        load_settings(path=file, environ={})


def test_every_problem_is_listed_with_what_was_meant(file: Path) -> None:
    file.write_text('[ingress]\ndomian = "x"\ndomain = 3\n[plugins]\nallow = "onnx"\n')
    environ = {"INFERRY_INGRESS__URL_SHEME": "x", "INFERRY_PLUGINS_TRACE": "maybe"}
    with pytest.raises(SettingsError) as error:
        load_settings(path=file, environ=environ, overrides={"images.regitsry": "x"})
    said = problems(error)
    assert said == [
        f"{file}: [ingress] domian: unknown setting; did you mean 'domain'?",
        f"{file}: [ingress] domain: must be a string, got 3",
        f"{file}: [plugins] allow: must be a list of strings, got 'onnx'",
        "INFERRY_INGRESS__URL_SHEME: unknown setting; did you mean 'URL_SCHEME'?",
        "INFERRY_PLUGINS_TRACE: must be true or false, got 'maybe'",
        "--set images.regitsry: unknown setting; did you mean 'registry'?",
    ]
    assert error.value.message == "the settings have 6 problems"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a, b", ("a", "b")),
        ('["a", "b,c"]', ("a", "b,c")),
        ("", ()),
    ],
)
def test_a_list_is_commas_or_json(text: str, value: tuple[str, ...]) -> None:
    settings = load_settings(environ={"INFERRY_PLUGINS": text})
    assert settings.value("plugins", "allow") == value
    assert settings.origin("plugins", "allow") == "INFERRY_PLUGINS"


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON"])
def test_a_bool_has_many_spellings(text: str) -> None:
    settings = load_settings(environ={"INFERRY_PLUGINS_TRACE": text})
    assert settings.value("plugins", "trace") is True


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("bool", "2", "true or false"),
        ("int", "1.5", "a whole number"),
        ("float", "nan", "a finite number"),
        ("float", "-inf", "a finite number"),
        ("float", "1e999", "a finite number"),
        ("list", "[1]", "a list of strings"),
        ("list", '["a"', "a list of strings"),
        ("map", '{"a": 1}', "a table of strings"),
        ("map", "a", "a table of strings"),
    ],
)
def test_a_text_of_another_type_is_a_problem(kind: Any, text: str, wanted: str) -> None:
    spec = SettingsSpec(section="plugins.acme", key="limit", type=kind)
    settings = load_settings(environ={"INFERRY_PLUGINS__ACME__LIMIT": text})
    with pytest.raises(SettingsError) as error:
        settings.declare([spec])
    assert f"must be {wanted}, got {text!r}" in problems(error)[0]


@pytest.mark.parametrize(
    ("kind", "toml", "wanted"),
    [
        ("float", "nan", "a finite number"),
        ("float", "inf", "a finite number"),
        ("float", "9" * 400, "a finite number"),
        ("float", "true", "a finite number"),
        ("int", "1.0", "a whole number"),
        ("map", "{a = 1}", "a string"),
    ],
)
def test_a_value_of_another_type_is_a_problem(
    file: Path, kind: Any, toml: str, wanted: str
) -> None:
    file.write_text(f"[plugins.acme]\nlimit = {toml}\n")
    settings = load_settings(path=file, environ={})
    with pytest.raises(SettingsError) as error:
        settings.declare([SettingsSpec(section="plugins.acme", key="limit", type=kind)])
    assert f"must be {wanted}, got " in problems(error)[0]


def test_a_map_may_be_json() -> None:
    settings = load_settings(environ={"INFERRY_PLUGINS__OVERRIDE": '{"a": "b,c"}'})
    assert settings.value("plugins", "override") == {"a": "b,c"}


def test_a_map_is_a_table_or_text(file: Path) -> None:
    file.write_text(
        '[plugins.override]\n"runtime.onnx" = "acme-onnx"\nscheme.s3 = "acme-s3"\n'
    )
    settings = load_settings(path=file, environ={})
    expected = {"runtime.onnx": "acme-onnx", "scheme.s3": "acme-s3"}
    assert settings.value("plugins", "override") == expected
    environ = {"INFERRY_PLUGINS__OVERRIDE": "runtime.onnx=a,scheme.s3=b"}
    settings = load_settings(path=file, environ=environ)
    expected = {"runtime.onnx": "a", "scheme.s3": "b"}
    assert settings.value("plugins", "override") == expected
    settings = load_settings(
        environ={}, overrides={"plugins.override.runtime.onnx": "acme"}
    )
    assert settings.value("plugins", "override") == {"runtime.onnx": "acme"}


def test_variables_of_other_tools_are_left_alone() -> None:
    settings = load_settings(environ={"INFERRY_HOME": "x", "OTHER__KEY": "y"})
    settings.declare((), installed=())
    assert settings.warnings == ()


def test_a_plugin_reads_its_own_section(file: Path) -> None:
    file.write_text("[plugins.onnx]\nthreads = 4\n")
    settings = load_settings(
        path=file, environ={"INFERRY_PLUGINS__ACME_HUB__TOKEN": "t0p"}
    )
    assert settings.plugin("onnx") == {"threads": 4}
    settings.declare((THREADS, TOKEN), installed=("onnx", "acme-hub"))
    assert settings.plugin("onnx") == {"threads": 4}
    assert settings.value("plugins.acme-hub", "token") == "t0p"
    assert settings.origin("plugins.onnx", "threads") == str(file)


def test_a_wrong_value_shows_once_its_plugin_declares_it(file: Path) -> None:
    file.write_text("[plugins.onnx]\nthreads = true\nthread = 2\n")
    settings = load_settings(path=file, environ={})
    with pytest.raises(SettingsError) as error:
        settings.declare((THREADS,), installed=("onnx",))
    assert problems(error) == [
        f"{file}: [plugins.onnx] threads: must be a whole number, got True",
        f"{file}: [plugins.onnx] thread: unknown setting; did you mean 'threads'?",
    ]


def test_a_section_of_no_plugin_is_a_warning(file: Path) -> None:
    file.write_text("[plugins.onxx]\nthreads = 1\n[gateway]\nport = 1\n")
    settings = load_settings(path=file, environ={})
    settings.declare((THREADS,), installed=("onnx",))
    assert settings.warnings == (
        (
            f"{file}: [plugins.onxx] threads: no plugin 'onxx' is installed; "
            "did you mean 'onnx'?"
        ),
        f"{file}: [gateway] port: not used, because inferry-gateway is not loaded here",
    )


def test_an_unknown_section_is_a_problem_once_all_have_declared(file: Path) -> None:
    file.write_text("[ingres]\ndomain = 'x'\n")
    settings = load_settings(path=file, environ={"INFERRY_IMAGE__REGISTRY": "x"})
    with pytest.raises(SettingsError) as error:
        settings.declare((), installed=())
    assert problems(error) == [
        f"{file}: [ingres] domain: unknown section; did you mean 'ingress'?",
        "INFERRY_IMAGE__REGISTRY: unknown section; did you mean 'IMAGES'?",
    ]


def test_a_secret_is_never_shown() -> None:
    number = SettingsSpec(section="plugins.x", key="pin", type="int", secret=True)
    settings = load_settings(
        environ={
            "INFERRY_PLUGINS__ACME_HUB__TOKEN": "t0p",
            "INFERRY_PLUGINS__X__PIN": "hush",
        }
    )
    settings.declare((TOKEN,))
    shown = {setting.spec.key: setting.shown for setting in settings.all()}
    assert shown["token"] == "********"
    with pytest.raises(SettingsError) as error:
        settings.declare((number,))
    assert "hush" not in str(problems(error))


def test_no_repr_holds_a_value() -> None:
    settings = load_settings(environ={"INFERRY_PLUGINS__ACME_HUB__TOKEN": "h1dden"})
    given = repr(settings.__dict__)
    settings.declare([TOKEN], installed=["acme-hub"])
    host = Host(role="cli", core_version="1", plugin_settings=settings.plugins())
    assert host.settings("acme-hub") == {"token": "h1dden"}
    assert "h1dden" not in given + repr(settings.all()) + repr(host)


def test_a_scalar_is_no_section(file: Path) -> None:
    file.write_text("domain = 'x'\n[ingress.domain]\ny = 1\n")
    with pytest.raises(SettingsError) as error:
        load_settings(path=file, environ={})
    assert problems(error) == [
        f"{file}: domain: a setting stands in a section, as in [plugins]",
        f"{file}: [ingress.domain] y: ingress.domain is no table",
    ]


def test_an_undeclared_setting_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(SettingsError, match=r"did you mean 'ingress\.domain'"):
        Settings().value("ingress", "domian")


def test_settings_travel_to_other_processes() -> None:
    settings = load_settings(environ={"INFERRY_INGRESS__DOMAIN": "x"})
    copied = pickle.loads(pickle.dumps(settings))
    assert copied.value("ingress", "domain") == "x"


def test_what_somebody_else_has_read_wins_over_the_file_and_under_the_environment(
    tmp_path: Path,
) -> None:
    file = tmp_path / "inferry.toml"
    file.write_text('[ingress]\ndomain = "file"\nurl_scheme = "https"\n')
    given = read_text('[ingress]\ndomain = "map"\nurl_scheme = "map"\n', "a map")
    settings = load_settings(
        path=file, environ={"INFERRY_INGRESS__URL_SCHEME": "http"}, given=given
    )
    assert settings.value("ingress", "domain") == "map"
    assert settings.origin("ingress", "domain") == "a map"
    assert settings.value("ingress", "url_scheme") == "http"


def test_text_that_is_no_toml_is_refused_by_its_origin() -> None:
    with pytest.raises(SettingsError, match="a map: not a TOML file"):
        read_text("[", "a map")
