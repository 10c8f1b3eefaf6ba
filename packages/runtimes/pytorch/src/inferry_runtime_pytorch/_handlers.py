"""What TorchServe's standard handlers for images do around a model.

They are written anew here, from what TorchServe documents: pictures come encoded, are
resized and normalized as ImageNet's are, and the model's numbers become names.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import TensorSpec
from inferry_runtime_pytorch._program import Argument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_runtime_pytorch._program import Program

#: Pixels of a picture that is decoded; a photograph of a telephone has 50 million.
MAX_PIXELS = 64 * 2**20
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_RESIZED, _CROPPED = 256, 224
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BEST = 5
_THRESHOLD = 0.5
_INPUT = "data"
_ANY = -1


@dataclass(frozen=True, slots=True)
class _Around:
    """A model with what a handler does before and after it."""

    program: Program
    names: Mapping[str, str]
    device: str

    def classify(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """Return the best classes of each picture, and how sure they are."""
        scores = self._scores(pictures)
        best, classes = torch.topk(scores, min(_BEST, scores.shape[1]), dim=1)
        return {"classes": self._named(classes), "scores": best}

    def segment(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """Return the class of each pixel, and how sure it is."""
        scores = self._scores(pictures)
        best, classes = torch.max(scores, dim=1)
        return {"classes": classes, "scores": best}

    def detect(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """Return what is in one picture: boxes, classes, and how sure they are."""
        if len(pictures) != 1:
            raise InvalidInput(
                f"input {_INPUT!r} has {len(pictures)} pictures, expected 1: each has "
                "a number of objects of its own"
            )
        found = self.program.call([_values(_decoded(pictures[0], 0)).to(self.device)])
        found = found[-1] if isinstance(found, tuple) else found
        (found,) = found
        kept = found["scores"] >= _THRESHOLD
        return {
            "boxes": found["boxes"][kept],
            "classes": self._named(found["labels"][kept]),
            "scores": found["scores"][kept],
        }

    def _scores(self, pictures: Sequence[bytes]) -> Any:  # noqa: ANN401 - torch has no types
        """Return how probable each class is, over axis 1."""
        rows = [_normalized(_decoded(each, at)) for at, each in enumerate(pictures)]
        most = self._rows(len(rows))
        batch = torch.stack(rows).to(self.device)
        if self.program.check is not None:
            self.program.check([batch])
        parts = [_tensor(self.program.call(each)) for each in batch.split(most)]
        return torch.softmax(torch.cat(parts).float(), dim=1)

    def _rows(self, given: int) -> int:
        """Return how many pictures one call of the model takes."""
        if not given:
            raise InvalidInput(f"input {_INPUT!r} has no pictures")
        fixed = self.program.inputs[0].shape[0] if self.program.inputs else _ANY
        if fixed not in (_ANY, given):
            raise InvalidInput(
                f"input {_INPUT!r} has {given} pictures, expected {fixed}"
            )
        return self.program.most or given

    def _named(self, classes: Any) -> Any:  # noqa: ANN401 - as above
        numbers = classes.cpu().numpy()
        made = np.empty(numbers.size, dtype=object)
        made[:] = [self.names.get(str(each), str(each)) for each in numbers.flat]
        return made.reshape(numbers.shape)


def around(
    handler: str, program: Program, names: Mapping[str, str], device: str
) -> Program:
    """Return *program* with what the standard *handler* does, as TorchServe has it.

    Raises:
        ModelLoadError: There is no such handler, or it needs what is not installed.

    """
    made = _Around(program, names, device)
    calls = {
        "image_classifier": made.classify,
        "image_segmenter": made.segment,
        "object_detector": made.detect,
    }
    if handler not in calls:
        raise ModelLoadError(
            f"the handler {handler!r} of TorchServe is not known here",
            remedy="use the option handler=none, and send the model's own tensors",
        )
    if handler != "object_detector":
        _check_size(handler, program)
    try:
        from PIL import Image
    except ImportError:
        raise ModelLoadError(
            f"the handler {handler!r} reads pictures, for which Pillow is needed",
            remedy="pip install 'inferry-runtime-pytorch[images]', or use the option "
            "handler=none",
        ) from None
    return replace(
        program,
        call=calls[handler],
        arguments=(Argument(name=_INPUT, type="bytes"),),
        inputs=(TensorSpec(name=_INPUT, datatype="BYTES", shape=(-1,)),),
        outputs=(),
        example=(),
        check=None,
        most=0,
        batching=False if handler == "object_detector" else program.batching,
        texts=tuple(_example(Image, shade) for shade in (0, 255)),
    )


def _check_size(handler: str, program: Program) -> None:
    """Refuse a model that declares another input than the handler makes."""
    wanted = (_ANY, 3, _CROPPED, _CROPPED)
    for spec in program.inputs[:1]:
        pairs = zip(spec.shape[1:], wanted[1:], strict=False)
        if len(spec.shape) != len(wanted) or any(
            size not in (_ANY, made) for size, made in pairs
        ):
            raise ModelLoadError(
                f"the handler {handler!r} makes pictures of shape {list(wanted)}, and "
                f"the model takes {list(spec.shape)}",
                remedy="use the option handler=none, and send the model's own tensors",
            )


def _example(image: Any, shade: int) -> bytes:  # noqa: ANN401 - a module
    file = io.BytesIO()
    image.new("RGB", (_RESIZED, _RESIZED), (shade, 128, 255 - shade)).save(file, "PNG")
    return file.getvalue()


def _decoded(given: bytes, position: int) -> Any:  # noqa: ANN401 - a picture
    """Return the picture that *given* is, or is in base64, as JSON has it.

    Raises:
        InvalidInput: It is none, or is too large.

    """
    from PIL import Image

    # No picture is made of the letters of base64 alone.
    with contextlib.suppress(binascii.Error):
        given = base64.b64decode(given, validate=True)
    try:
        picture = Image.open(io.BytesIO(given), formats=_FORMATS)
        if picture.width * picture.height <= MAX_PIXELS:
            return picture.convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidInput(
            f"element {position} of input {_INPUT!r} has more than {MAX_PIXELS} pixels"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidInput(
            f"element {position} of input {_INPUT!r} is no picture that can be read "
            f"({', '.join(_FORMATS)})"
        ) from error
    raise InvalidInput(
        f"element {position} of input {_INPUT!r} has {picture.width} x "
        f"{picture.height} pixels, more than {MAX_PIXELS}"
    )


def _normalized(picture: Any) -> Any:  # noqa: ANN401 - as above
    """Return the middle of *picture* with ImageNet's mean and deviation, [3, h, w]."""
    from PIL import Image

    width, height = picture.size
    short = min(width, height)
    size = (int(_RESIZED * width / short), int(_RESIZED * height / short))
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left = round((size[0] - _CROPPED) / 2.0)
    top = round((size[1] - _CROPPED) / 2.0)
    picture = picture.crop((left, top, left + _CROPPED, top + _CROPPED))
    mean = torch.tensor(_MEAN).view(3, 1, 1)
    return (_values(picture) - mean) / torch.tensor(_DEVIATION).view(3, 1, 1)


def _values(picture: Any) -> Any:  # noqa: ANN401 - as above
    """Return *picture* as FP32 from 0 to 1, [3, h, w]."""
    pixels = torch.from_numpy(np.array(picture, dtype=np.float32))
    return pixels.permute(2, 0, 1).contiguous() / 255.0


def _tensor(found: Any) -> Any:  # noqa: ANN401 - what a model gives
    """Return the tensor that counts: models for pixels give several by name."""
    if hasattr(found, "get"):
        found = found.get("out", next(iter(found.values())))
    return found[0] if isinstance(found, (list, tuple)) else found
