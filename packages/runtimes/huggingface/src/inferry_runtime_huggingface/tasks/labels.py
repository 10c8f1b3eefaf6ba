"""The labels of a classifier, and its answers in the words of KServe's V1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from inferry.errors import InvalidInput, ModelLoadError
from inferry_runtime_huggingface.encoding import Texts
from inferry_runtime_huggingface.tasks import inputs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from inferry.model import Tensor
    from inferry_runtime_huggingface.encoding import TokenIds
    from inferry_runtime_huggingface.worker import Answers

    PredictV1 = Callable[[Any], Awaitable[Mapping[str, Any]]]

__all__ = ["Asked", "by_index", "keyed", "kserve_form", "names", "v1_texts"]

_DECIMALS = 4


class Asked(Protocol):
    """A task that is asked for texts and makes tensors of the answers."""

    async def ask(self, given: Texts | TokenIds) -> Answers:
        """Return what the model makes of *given*."""

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the outputs *wanted*."""


def names(config: Any) -> tuple[str, ...]:  # noqa: ANN401 - of transformers
    """Return the labels of *config* in the order of the model's outputs."""
    found: Mapping[int, str] = config.id2label
    return tuple(str(found.get(index, index)) for index in range(len(found)))


def kserve_form(options: Mapping[str, Any]) -> str | None:
    """Return the output that KServe's options ask for; None where they do not.

    Raises:
        ModelLoadError: They ask for two.

    """
    chances = bool(options.get("returnProbabilities"))
    logits = bool(options.get("returnRawLogits"))
    if chances and logits:
        raise ModelLoadError(
            "options returnProbabilities and returnRawLogits are both set",
            remedy="set one of them",
        )
    return "probabilities" if chances else "logits" if logits else None


def by_index(task: Asked, form: str) -> PredictV1:
    """Return a ``predict_v1`` whose answers have a number for each label's index."""

    async def predict_v1(body: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
        answers = await task.ask(Texts(texts=v1_texts(body)))
        return {"predictions": keyed(task.tensors(answers, (form,))[form])}

    return predict_v1


def keyed(given: Tensor) -> Any:  # noqa: ANN401 - lists of any depth
    """Return the numbers of labels in *given* by index, as KServe rounds them."""
    decimals = _DECIMALS if given.name == "probabilities" else None
    return _keyed(given.data.tolist(), decimals=decimals)


def v1_texts(body: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the texts of a V1 body.

    Raises:
        InvalidInput: It has none.

    """
    found = (
        body.get("instances", body.get("inputs")) if isinstance(body, dict) else None
    )
    if not isinstance(found, list) or not found:
        raise InvalidInput("the body has no 'instances', expected a list of texts")
    for index, each in enumerate(found):
        if isinstance(each, dict) and each.keys() == {inputs.INPUT}:
            each = each[inputs.INPUT]  # noqa: PLW2901 - a row by its name
            found[index] = each
        if not isinstance(each, str):
            raise InvalidInput(f"instances[{index}] is no text")
    return found


def _keyed(values: Any, *, decimals: int | None) -> Any:  # noqa: ANN401 - lists of any depth
    if values and isinstance(values[0], list):
        return [_keyed(each, decimals=decimals) for each in values]
    return {
        str(index): value if decimals is None else round(value, decimals)
        for index, value in enumerate(values)
    }
