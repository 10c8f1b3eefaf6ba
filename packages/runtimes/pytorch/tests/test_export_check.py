"""Programs that would run code are refused before torch reads them."""

from __future__ import annotations

import io
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch import _export_check

from .conftest import Scale, loaded, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Models

MARK = "pwned"


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Let *change* edit the description of the program at *path*."""

    def entry(name: str, content: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return content
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return rewritten(path, entry)


def graph(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["graph_module"]["graph"]
    return found


def refused(path: Path, said: str) -> None:
    with pytest.raises(ModelLoadError, match=said) as caught:
        loaded(path)
    assert caught.value.reason == Reason.ModelUnsafe
    assert "--allowPickle=true" in caught.value.remedy


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.ops.load_library",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.linear.__class__",
        "torch.ops.aten.__class__.mro",
        "torch.ops.inductor.accumulate_grad_.default",
        "torch.ops.higher_order.triton_kernel_wrapper_mutation",
        "torch.ops.higher_order.call_torchbind",
        "torch.hub.load",
        "torch.load",
        "_operator.methodcaller",
        "_operator.attrgetter",
        "math.__loader__.load_module",
        "os.system",
        "#extension:op",
    ],
)
def test_what_is_no_operator_is_refused(models: Models, target: str) -> None:
    def change(document: dict[str, Any]) -> None:
        graph(document)["nodes"][0]["target"] = target

    refused(edited(models.exported(), change), "holds the operator")


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('touch pwned')",
        "().__class__.__base__.__subclasses__()",
        "[open('pwned', 'w') for s0 in (1,)]",
        "lambda: 1",
        "s0 if s1 else s2",
        "exec('1')",
        "Integer('__import__(\"os\")')",
        "9**9**9**9",
        "Symbol('a b')",
        "s0.evalf(subs={})",
        "1" * 5000,
        "(",
    ],
)
def test_a_formula_that_is_none_is_refused(models: Models, formula: str) -> None:
    def change(document: dict[str, Any]) -> None:
        size = graph(document)["tensor_values"]["x"]["sizes"][0]
        size["as_expr"]["expr_str"] = formula

    refused(edited(models.exported(), change), "holds the formula")


@pytest.mark.parametrize(
    "formula",
    [
        "Symbol('s17', positive=True, integer=True)",
        "Mul(Integer(2), Symbol('_half', integer=True))",
        "s0*2 + Max(1, s1//2)",
        "FloorDiv(s0, 2) - ModularIndexing(s0, 1, 4)",
        "-s0 + 1.5",
    ],
)
def test_arithmetic_of_sizes_is_let_through(formula: str) -> None:
    assert _export_check._is_formula(formula)


@given(st.text(max_size=60))
def test_no_text_is_both_arithmetic_and_code(text: str) -> None:
    if _export_check._is_formula(text):
        assert "__" not in text.replace("__", "", 0) or "(" not in text
        assert "." not in text or not any(each.isalpha() for each in text.split(".")[1])


@pytest.mark.parametrize(
    "change",
    [
        lambda document: graph(document)["nodes"][0].update(name="x\nimport os"),
        lambda document: graph(document)["inputs"][0]["as_tensor"].update(name="a;b"),
        lambda document: document["graph_module"]["module_call_graph"][0][
            "signature"
        ].update(forward_arg_names=["x): import os #"]),
        lambda document: document.update(range_constraints={"a b": {"min_val": 1}}),
    ],
)
def test_a_name_that_is_source_is_refused(
    models: Models, change: Callable[[dict[str, Any]], object]
) -> None:
    refused(edited(models.exported(), change), "holds the name")


@pytest.mark.parametrize(
    "spec",
    [
        '[1, {"type": "collections.defaultdict", "context": "{}"}]',
        '[1, {"type": "builtins.dict", "context": "[{\\"__enum__\\": 1}]"}]',
        "no JSON",
    ],
)
def test_a_container_that_imports_is_refused(models: Models, spec: str) -> None:
    def change(document: dict[str, Any]) -> None:
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = spec

    refused(edited(models.exported(), change), "objects of other types")


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({MARK!r}, 'w')",)


def test_pickles_within_are_refused_and_not_run(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save(Harmful(), buffer)

    def example(name: str, content: bytes) -> bytes:
        return buffer.getvalue() if "sample_inputs" in name else content

    def weights(name: str, content: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            return content.replace(b'"use_pickle": false', b'"use_pickle": true')
        return content

    def constants(name: str, content: bytes) -> bytes:
        if not name.endswith("model_constants_config.json"):
            return content
        meta = {"path_name": "opaque_0", "is_param": False, "use_pickle": False}
        return json.dumps({"config": {"c": meta | {"tensor_meta": None}}}).encode()

    refused(rewritten(models.exported(name="a.pt2"), example), "an example that is a")
    refused(rewritten(models.exported(name="b.pt2"), weights), "a pickled tensor")
    harm = [("archive/data/constants/opaque_0", pickle.dumps(Harmful()))]
    refused(
        rewritten(models.exported(name="c.pt2"), constants, harm), "a pickled tensor"
    )
    assert not (tmp_path / MARK).exists()


def test_the_old_form_is_refused(models: Models) -> None:
    path = rewritten(
        models.exported(),
        lambda name, content: None if "archive_format" in name else content,
        [("archive/serialized_exported_program.json", b"{}")],
    )

    with pytest.raises(ModelLoadError, match="saved by an old torch"):
        loaded(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 5000, b'{"a": ' * 900])
def test_a_description_that_is_no_json_is_refused(
    models: Models, content: bytes
) -> None:
    path = rewritten(
        models.exported(),
        lambda name, given: content if name.endswith("models/model.json") else given,
    )

    with pytest.raises(ModelLoadError, match=r"m\.pt2 cannot be read"):
        loaded(path)


def test_what_is_trusted_is_not_looked_at(models: Models) -> None:
    path = models.exported(Scale())

    assert loaded(path, allowPickle=True).metadata().inputs


class Branches(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))


class Odd(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        size = x.shape[0] * 2 + x.shape[1] // 2
        parts = torch.nn.functional.pad(x, (0, x.shape[0])).split(2, dim=1)
        return {"size": size, "part": parts[0], "mean": x.view(-1).mean()}


@pytest.mark.parametrize(
    "module",
    [
        Branches(),
        Odd(),
        torch.nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
        torch.nn.Sequential(torch.nn.Conv1d(4, 2, 3), torch.nn.BatchNorm1d(2)),
    ],
)
def test_what_models_hold_is_let_through(
    models: Models, module: torch.nn.Module
) -> None:
    axes = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    shape = (2, 4) if isinstance(module, (Branches, Odd)) else (2, 4, 6)

    path = models.exported(module, (torch.zeros(shape),), (axes,))

    assert loaded(path).warm_up() is not None
