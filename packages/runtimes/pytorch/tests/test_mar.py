"""Archives of TorchServe: their models, standard handlers, and no code of theirs."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from inferry.errors import InvalidInput, ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch import _archive

from .conftest import Scale, ask, loaded, mar, tensor

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Models

NAMES = json.dumps({"0": ["n0", "red"], "1": ["n1", "green"], "2": "blue"})
MODEL_FILE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x)
"""


class Colours(torch.nn.Module):
    """Says of each picture which of its colours there is most of."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3)) * 3


class Pixels(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": x, "aux": x}


class Boxes(torch.nn.Module):
    def forward(self, x: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        return [
            {
                "boxes": torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 2.0, 2.0]]),
                "labels": torch.tensor([1, 2]),
                "scores": torch.tensor([0.9, 0.1]) + x[0].min() * 0,
            }
        ]


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (300, 280)) -> bytes:
    image = pytest.importorskip("PIL.Image", reason="the extra images")
    file = io.BytesIO()
    image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def texts(*elements: bytes) -> Any:
    return tensor("data", list(elements), "BYTES")


def classifier(models: Models, **more: Any) -> Path:
    return mar(
        models.folder / "m.mar",
        models.script(Colours(), "c.pt"),
        "image_classifier",
        index_to_name__json=NAMES,
        **more,
    )


def test_pictures_are_classified(models: Models) -> None:
    red, blue = picture((255, 0, 0)), picture((0, 0, 255))
    model = loaded(classifier(models))

    answer = ask(model, texts(red, base64.b64encode(blue)))

    first = [names[0] for names in answer["classes"]]
    assert first == [b"red", b"blue"]
    np.testing.assert_allclose(np.sum(answer["scores"], axis=1), 1, rtol=1e-5)
    assert model.batching is True
    shapes = [(each.name, each.shape) for each in model.metadata().outputs]
    assert shapes == [("classes", (-1, 3)), ("scores", (-1, 3))]


def test_what_is_no_picture_is_named(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = picture((255, 0, 0))
    model = loaded(classifier(models))

    for bad in (b"no picture", b"", b"aGVsbG8=", good[:200]):
        with pytest.raises(InvalidInput, match="element 1 of input 'data' is no pict"):
            ask(model, texts(good, bad))
    with pytest.raises(InvalidInput, match="'data' has no pictures"):
        ask(model, tensor("data", np.empty(0, object), "BYTES"))
    monkeypatch.setattr("inferry_runtime_pytorch._handlers.MAX_PIXELS", 1000)
    with pytest.raises(InvalidInput, match="has 300 x 280 pixels, more than 1000"):
        ask(model, texts(good))


def test_pixels_are_classified(models: Models) -> None:
    path = models.folder / "m.mar"
    mar(path, models.exported(Pixels(), (torch.zeros(1, 3, 8, 8),)), "image_segmenter")

    with pytest.raises(ModelLoadError, match=r"and the model takes \[1, 3, 8, 8\]"):
        loaded(path)
    mar(path, models.script(Pixels(), "p.pt"), "image_segmenter")
    answer = ask(loaded(path), texts(picture((0, 255, 0))))

    assert np.shape(answer["classes"]) == (1, 224, 224)
    assert np.all(np.array(answer["classes"]) == 1)


def test_a_fixed_number_of_pictures_is_asked_for(models: Models) -> None:
    path = models.folder / "m.mar"
    exported = models.exported(Colours(), (torch.zeros(1, 3, 224, 224),))
    mar(path, exported, "image_classifier")
    red = picture((255, 0, 0))
    model = loaded(path)

    assert model.batching is False
    assert ask(model, texts(red))["classes"][0][0] == b"0"
    with pytest.raises(InvalidInput, match="'data' has 2 pictures, expected 1"):
        ask(model, texts(red, red))


def test_objects_are_found_in_one_picture(models: Models) -> None:
    script = models.script(Boxes(), "b.pt")
    path = mar(
        models.folder / "m.mar", script, "object_detector", index_to_name__json=NAMES
    )

    with pytest.raises(ModelLoadError, match=r"takes 'x' of type List\[Tensor\]"):
        loaded(path, handler="none")
    model = loaded(path)
    answer = ask(model, texts(picture((0, 255, 0))))

    assert answer["classes"] == [b"green"]
    assert answer["boxes"] == [[0, 0, 1, 1]]
    assert model.batching is False
    with pytest.raises(InvalidInput, match="has 2 pictures, expected 1"):
        ask(model, texts(b"", b""))


def test_without_the_handler_tensors_are_sent(models: Models) -> None:
    path = mar(models.folder / "m.mar", models.exported(), "image_classifier")

    model = loaded(path, handler="none")

    assert ask(model, tensor("x", [[1, 2, 3]])) == {"output-0": [[6.0, 7.0]]}


@pytest.mark.parametrize("handler", ["my_handler.py", "service.py:handle", "a/b"])
def test_a_handler_of_ones_own_is_refused(models: Models, handler: str) -> None:
    path = mar(models.folder / "m.mar", models.script(), handler)

    with pytest.raises(ModelLoadError, match="is code of its own") as caught:
        loaded(path)
    assert caught.value.reason == Reason.ModelUnsafe
    assert "python runtime" in caught.value.remedy


def test_a_handler_that_is_not_known_is_named(models: Models) -> None:
    path = mar(models.folder / "m.mar", models.script(), "text_classifier")

    with pytest.raises(ModelLoadError, match=r"'text_classifier' .* use the opt"):
        loaded(path)


def test_the_file_of_an_eager_model_runs_only_if_it_is_named(models: Models) -> None:
    path = mar(
        models.folder / "m.mar",
        models.saved(Scale().state_dict()),
        "image_classifier",
        manifest=json.dumps({"modelFile": "net.py"}),
        net__py=MODEL_FILE,
    )
    x = tensor("x", [[1, 2, 3]])

    with pytest.raises(ModelLoadError, match=r"in 'net\.py', which is code") as caught:
        loaded(path, handler="none")
    assert caught.value.reason == Reason.ModelUnsafe
    assert "--allowModelFile=net.py" in caught.value.remedy
    allowed = loaded(path, handler="none", allowModelFile="net.py")
    assert ask(allowed, x) == {"output-0": [[6.0, 7.0]]}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", r"defines 0 models \(none\)"),
        ("raise OSError('no')", "net.py fails: OSError: no"),
    ],
)
def test_a_file_without_a_model_is_named(
    models: Models, source: str, said: str
) -> None:
    path = mar(
        models.folder / "m.mar",
        models.saved({}),
        "image_classifier",
        manifest=json.dumps({"modelFile": "net.py"}),
        net__py=source,
    )

    with pytest.raises(ModelLoadError, match=said):
        loaded(path, allowModelFile="net.py")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{", "its MAR-INF/MANIFEST.json"),
        (b"{}", "missing required field `model`"),
        (b'{"model": {"handler": "h"}}', "names no serializedFile"),
        (
            b'{"model": {"handler": "none", "serializedFile": "x.pt"}}',
            "it has no 'x.pt', which its manifest names",
        ),
    ],
)
def test_a_manifest_that_says_too_little_is_named(
    tmp_path: Path, manifest: bytes, said: str
) -> None:
    with zipfile.ZipFile(tmp_path / "m.mar", "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", manifest)

    with pytest.raises(ModelLoadError, match=said):
        loaded(tmp_path)


def test_a_tar_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.mar").write_bytes(b"\x1f\x8b\x08\x00")

    with pytest.raises(ModelLoadError, match="only the zip form is read"):
        loaded(tmp_path)


@pytest.mark.parametrize("name", ["../out.py", "/etc/passwd", "a/../../b", "..\\b"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.mar", "w") as archive:
        archive.writestr(name, b"x")

    with pytest.raises(ModelLoadError, match="which leads out of it") as caught:
        loaded(tmp_path)
    assert caught.value.reason == Reason.ModelUnsafe


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", b"{}")
        archive.writestr("m.pt", b"\0" * 50 * 2**20)

    with pytest.raises(ModelLoadError, match="and unpacks to 5") as caught:
        loaded(path)
    assert caught.value.reason == Reason.ModelUnsafe


def test_links_and_doubles_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelLoadError, match="has the link 'link'"):
        loaded(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abc":
            archive.writestr(name, b"")
    monkeypatch.setattr(_archive, "MAX_ENTRIES", 2)
    with pytest.raises(ModelLoadError, match="has 3 entries, too many"):
        loaded(path)
