"""Text generation as a model of the server: tensors in, tensors and streams out."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry.runtime import tensors
from inferry.testing import RuntimeTests
from inferry_runtime_huggingface.model import HuggingfaceModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def words() -> Any:
    """Return a tokenizer that knows bytes and nothing else."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = {
        word: place for place, word in enumerate(["<s>", "</s>", "<pad>", *alphabet])
    }
    made = tokenizers.Tokenizer(models.BPE(numbers, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def write(folder: Path, kind: str = "Llama", **more: Any) -> Path:
    """Write a model of random weights."""
    torch.manual_seed(5)
    known = words()
    config = {
        "vocab_size": len(known),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
        "initializer_range": 0.4,
        **more,
    }
    head = {"T5": "ForConditionalGeneration"}.get(kind, "ForCausalLM")
    settings = getattr(transformers, f"{kind}Config")(**config)
    getattr(transformers, f"{kind}{head}")(settings).save_pretrained(folder)
    known.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a tiny Llama."""
    return write(tmp_path_factory.mktemp("llama"))


def request(*texts: str, outputs: tuple[str, ...] = (), **given: Any) -> InferRequest:
    data = tensors.objects([text.encode() for text in texts], (len(texts),))
    return InferRequest(
        inputs=(Tensor(name="text_input", datatype="BYTES", data=data),),
        outputs=outputs,
        parameters=given,
    )


async def told(model: Any, *texts: str, **given: Any) -> list[str]:
    answer = await model.predict(request(*texts, **given))
    return [each.decode() for each in answer.outputs[0].data.tolist()]


async def test_texts_are_continued_as_transformers_does(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """Greedily, several at once; V1's clients put parameters in an object."""
    model = loaded(llama)
    bare = transformers.AutoModelForCausalLM.from_pretrained(llama)
    known = words()
    expected = []
    for text in ("one", "and two"):
        ids = torch.tensor([known.encode(text)])
        found = bare.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=9,
            do_sample=False,
            eos_token_id=None,
        )
        expected.append(known.decode(found[0, ids.shape[1] :]))
    given = {"temperature": 0, "max_new_tokens": 9, "ignore_eos": True}

    assert expected == await told(model, "one", "and two", parameters=given)
    assert ["one" + expected[0]] == await told(
        model, "one", exclude_input_in_output=False, **given
    )


async def test_counts_and_the_reason_come_with_the_text(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """As parameters of one answer, and as outputs that are asked for by name."""
    model = loaded(llama)
    one = await model.predict(request("abc", max_tokens=4, ignore_eos=True))
    names = ("finish_reason", "prompt_tokens", "completion_tokens")
    two = await model.predict(
        request("abc", "abcde", outputs=names, max_tokens=4, ignore_eos=True)
    )

    assert one.parameters == {
        "finish_reason": "length",
        "prompt_tokens": 3,
        "completion_tokens": 4,
    }
    assert [each.data.tolist() for each in two.outputs] == [
        [b"length", b"length"],
        [3, 5],
        [4, 4],
    ]
    assert two.parameters == {}


async def test_a_stream_is_the_same_text_in_pieces(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """Its last piece says why it ended."""
    model = loaded(llama)
    given = {"seed": 4, "max_tokens": 20, "ignore_eos": True}
    whole = await told(model, "abc", **given)
    pieces = [each async for each in model.stream(request("abc", **given))]

    assert "".join(
        each.outputs[0].data[0].decode() for each in pieces
    ) == whole[0]  # fmt: skip
    assert pieces[-1].parameters["finish_reason"] == "length"
    assert all(not each.parameters for each in pieces[:-1])


async def test_leaving_a_stream_ends_the_work(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """The metrics say so."""
    model = loaded(llama)
    stream = model.stream(request("abc", max_tokens=120, ignore_eos=True))
    async with contextlib.aclosing(stream):
        await anext(stream)
    await told(model, "abc", max_tokens=1)

    assert model.metrics()["running"] == 0
    assert model.metrics()["generated_tokens"] < 120
    assert model.why_unhealthy == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"max_tokens": 0},
            "'max_tokens' is '0', expected an integer from 1 to 2147483648",
        ),
        ({"max_tokens": "9"}, "'max_tokens' is '9', expected an integer"),
        ({"temperature": -1}, "'temperature' is '-1', expected a number from 0"),
        ({"temperature": float("nan")}, "'temperature' is 'nan'"),
        ({"top_p": 0}, "above 0 to 1"),
        ({"top_k": 1.5}, "expected an integer"),
        ({"seed": True}, "expected an integer"),
        ({"ignore_eos": 1}, "expected true or false"),
        ({"stop": ""}, "'stop' must be"),
        ({"stop": ["x"] * 17}, "at most 16"),
        ({"json_schema": 3}, "is no text"),
        ({"json_schema": "{}", "regex": "a"}, "one of json_schema, regex, grammar"),
        ({"parameters": 3}, "'parameters' is no object"),
        ({"beams": 3}, "unknown parameter 'beams'; the model takes"),
        ({"min_tokens": 9, "max_tokens": 8}, "more than max_tokens"),
        ({"min_tokens": 127}, "there is room for 125 after the prompt"),
    ],
)
async def test_parameters_are_checked(
    loaded: Callable[..., Any], llama: Path, given: Mapping[str, Any], said: str
) -> None:
    """Saying which one, and what it may be."""
    given = {"max_tokens": 128, **given} if "min_tokens" in given else given
    with pytest.raises(InvalidInput, match=said):
        await told(loaded(llama), "abc", **given)


async def test_inputs_are_checked(loaded: Callable[..., Any], llama: Path) -> None:
    """Length, name, and how many can be streamed."""
    model = loaded(llama)
    with pytest.raises(InvalidInput, match="the prompt has 200 tokens"):
        await told(model, "a" * 200)
    with pytest.raises(InvalidInput, match="one text can be streamed, not 2"):
        await anext(model.stream(request("a", "b")))
    with pytest.raises(InvalidInput, match="'text_input' is missing"):
        await model.predict(InferRequest(inputs=()))


async def test_a_schema_and_stops_work(loaded: Callable[..., Any], llama: Path) -> None:
    """As parameters of one request each."""
    model = loaded(llama)
    schema = json.dumps({"enum": ["yes", "no", 12]})
    found = await told(model, "abc", json_schema=schema, max_tokens=60)
    free = (await told(model, "abc", temperature=0, max_tokens=30, ignore_eos=True))[0]
    stop = next(each for each in free[3:] if each != "\ufffd")
    stopped = await told(
        model, "abc", temperature=0, max_tokens=30, ignore_eos=True, stop=stop
    )

    assert json.loads(found[0]) in ("yes", "no", 12)
    assert stopped == [free.partition(stop)[0]]


async def test_no_text_is_continued_from_the_beginning_of_texts(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """One token is the prompt then."""
    answer = await loaded(llama).predict(request("", max_tokens=1))

    assert answer.parameters["prompt_tokens"] == 1


async def test_the_model_says_how_it_likes_to_be_sampled(
    loaded: Callable[..., Any], tmp_path: Path
) -> None:
    """generation_config.json; a request may say otherwise."""
    folder = write(tmp_path / "m")
    config = json.loads((folder / "generation_config.json").read_text())
    config |= {"do_sample": False, "max_new_tokens": 3, "eos_token_id": [1, 2]}
    (folder / "generation_config.json").write_text(json.dumps(config))
    model = loaded(folder)
    first = await model.predict(request("abc", ignore_eos=True))
    second = await told(model, "abc", ignore_eos=True)

    assert first.outputs[0].data[0].decode() == second[0]
    assert first.parameters["completion_tokens"] == 3


async def test_options_bound_what_is_taken(
    loaded: Callable[..., Any], llama: Path
) -> None:
    """maxLength is prompt and answer; one row at a time still answers all."""
    model = loaded(llama, maxLength=16, maxSequences=1, prefillTokens=2)
    answer = await model.predict(request("abcd", max_tokens=99, ignore_eos=True))

    assert answer.parameters["completion_tokens"] == 12
    assert len(await told(model, "a", "b", "c", max_tokens=2)) == 3
    with pytest.raises(ModelLoadError, match=r"maxLength is 999.*positions for 128"):
        loaded(llama, maxLength=999)


def test_models_whose_state_cannot_be_shared_are_refused(
    loaded: Callable[..., Any], tmp_path: Path
) -> None:
    """With the class, and what to use instead."""
    folder = write(tmp_path / "m", "Mamba", state_size=8, layer_norm_epsilon=1e-5)
    with pytest.raises(ModelLoadError, match=r"MambaForCausalLM .*cannot generate"):
        loaded(folder)


async def test_sequence_to_sequence_models_write_another_text(
    loaded: Callable[..., Any], tmp_path: Path
) -> None:
    """With the same parameters; of OpenAI's API they answer completions."""
    folder = write(
        tmp_path / "m", "T5", d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
        decoder_start_token_id=2,
    )  # fmt: skip
    model = loaded(folder)
    given = {"max_tokens": 7, "ignore_eos": True, "temperature": 0}
    alone = await told(model, "abc", **given)
    together = await told(model, "abc", "a longer text", **given)

    assert together[0] == alone[0]
    assert set(model.openai) == {"completions"}


class TestKit(RuntimeTests):
    """What the server relies on."""

    model: ClassVar[Any] = HuggingfaceModel
    options: ClassVar[Mapping[str, Any]] = {"threads": 1}

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        """Write a tiny Llama."""
        return write(tmp_path / "llama")
