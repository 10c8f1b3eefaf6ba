"""Which models a command line names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inferry.errors import SettingsError
from inferry_server.cli.chosen import Runtimes, choose


@pytest.mark.parametrize(
    ("flags", "name", "target", "path"),
    [
        (["--model", "m=served_models:Echo"], "m", "served_models:Echo", ""),
        (["--model=m=served_models:Echo:a:b"], "m", "served_models:Echo", "a:b"),
        (["--model=m=a.b:C.D:x=y"], "m", "a.b:C.D", "x=y"),
        (["--model=m=json:JSONDecoder:p"], "m", "json:JSONDecoder", "p"),
        (["--model_class=a:B", "--model_name=n"], "n", "a:B", ""),
        (["--model_class=a:B", "--model_dir=d"], "model", "a:B", "d"),
    ],
)
def test_a_class_is_named_as_module_and_class(
    flags: list[str], name: str, target: str, path: str
) -> None:
    (chosen,) = choose(flags).models
    assert (chosen.name, chosen.target, chosen.path) == (name, target, path)
    assert chosen.options is None


def test_several_models_keep_their_order() -> None:
    flags = ["--model=b=x_:B", "--model_class=a:A", "--model=c=x_:C"]
    assert [one.name for one in choose(flags).models] == ["b", "c", "model"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "nothing is given: name --runtime"),
        (["--modle=m=x_:A"], "unknown flag --modle; did you mean --model?"),
        (["--model=m"], "--model 'm' must read NAME=RUNTIME[:PATH]"),
        (["--model=m="], "--model 'm=' must read NAME=RUNTIME[:PATH]"),
        (["--model==onnx"], "the name '' must be letters"),
        (["--model=a/b=onnx"], "the name 'a/b' must be letters"),
        (["--model=m=x_:A", "--model=m=x_:B"], "two models are named 'm'"),
        (["--model=model=x_:A", "--model_class=x:A"], "two models are named 'model'"),
        (["--model=m=x_:A", "--model_name=n"], "--model_name=n goes with --runtime"),
        (["--model=m=nope:/p"], "no runtime 'nope' that can serve here: pip install"),
        (["--model=m=a.onnx"], "write NAME=RUNTIME:PATH, such as iris=onnx:model.onnx"),
        (["--model=m=a/x.py:B"], "without .py and folders: m=x:B, from the folder"),
        (["--model=m=x.py"], "without .py and folders: m=x:Class, from the folder"),
        (["--model=m=nope:Class"], "and no module 'nope' for a class either"),
        (["--runtime=a", "--model_class=b:C"], "both --runtime and --model_class"),
    ],
)
def test_what_names_no_model_is_refused(flags: list[str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose(flags)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onx", "no runtime 'onx' that can serve here; did you mean 'onnx'?"),
        ("xgboost", "or allow its plugin in [plugins] allow; here are onnx"),
    ],
)
def test_a_missing_runtime_tells_which_are_there(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    installed = [
        SimpleNamespace(name="onnx", distribution="inferry-runtime-onnx"),
        SimpleNamespace(name="local", distribution="inferry-local"),
    ]
    records = [SimpleNamespace(installed=one) for one in installed]
    plugins = SimpleNamespace(records=records, problems=())
    runtimes = Runtimes([])
    monkeypatch.setattr(runtimes, "_sets", [plugins])
    assert message in str(runtimes.missing(name, ""))
