"""State dicts go into installed classes; whole pickles are refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from inferry.errors import ModelLoadError
from inferry.status import Reason

from .conftest import Scale, ask, loaded, tensor

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Models

CLASS: dict[str, Any] = {
    "modelClass": "torch.nn:Linear",
    "modelArguments": '{"in_features": 3, "out_features": 2}',
}
X = tensor("input", [[1, 2, 3]])
ANSWER = {"output-0": [[6.0, 7.0]]}


def state() -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = Scale().linear.state_dict()
    return found


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize("key", ["", "state_dict", "model_state_dict", "model"])
def test_a_checkpoint_holds_the_weights_somewhere(models: Models, key: str) -> None:
    path = models.saved({key: state(), "epoch": 3} if key else state())

    assert ask(loaded(path, **CLASS), X) == ANSWER


def test_the_old_form_of_torch_save_is_read(models: Models) -> None:
    path = models.saved(state(), "old.pth", _use_new_zipfile_serialization=False)

    assert ask(loaded(path, **CLASS), X) == ANSWER


def test_safetensors_are_read(models: Models) -> None:
    path = models.folder / "model.safetensors"
    save_file(state(), path)

    assert ask(loaded(models.folder, **CLASS), X) == ANSWER
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(ModelLoadError, match=r"model\.safetensors cannot be read"):
        loaded(path, **CLASS)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_and_not_run(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = models.saved(Harmful(), _use_new_zipfile_serialization=zipped)

    with pytest.raises(ModelLoadError, match="is a pickle of more than ten") as caught:
        loaded(path, **CLASS)

    assert caught.value.reason == Reason.ModelUnsafe
    assert "--allowPickle=true" in caught.value.remedy
    assert not (tmp_path / "pwned").exists()


def test_a_pickle_is_served_where_it_is_allowed(models: Models) -> None:
    path = models.saved(Scale().linear)

    assert ask(loaded(path, allowPickle=True), X) == ANSWER


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "name its class with the option modelClass=package.module:Class"),
        ({"modelClass": "torch.nn"}, "option modelClass is 'torch.nn'"),
        ({"modelClass": "no_such_module:A"}, "'no_such_module', which cannot be"),
        ({"modelClass": "torch.nn:NoSuch"}, "is no torch.nn.Module"),
        ({"modelClass": "os:system"}, "is no torch.nn.Module"),
        (CLASS | {"modelArguments": "[1]"}, r"option modelArguments is '\[1\]'"),
        (CLASS | {"modelArguments": "{"}, "use a JSON object"),
        (CLASS | {"modelArguments": '{"a": 1}'}, r"with the arguments \['a'\]"),
        (
            CLASS | {"modelArguments": '{"in_features": 3, "out_features": 4}'},
            r"has weight \[2, 3\] for \[4, 3\]",
        ),
        ({"modelClass": "torch.nn:Identity"}, "it has besides weight, bias"),
        (
            {"modelClass": "torch.nn:PReLU"},
            "it lacks weight|has weight|has besides bias",
        ),
    ],
)
def test_a_class_that_does_not_fit_is_named(
    models: Models, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        loaded(models.saved(state()), **options)


@pytest.mark.parametrize("value", [{"a": 1}, [torch.zeros(1)], torch.zeros(1), {}])
def test_what_is_no_state_dict_is_refused(models: Models, value: Any) -> None:
    with pytest.raises(ModelLoadError, match=r"is no state dict|it lacks weight"):
        loaded(models.saved(value), **CLASS)
