"""The descriptor of the huggingface runtime; importing it imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What every model of Hugging Face understands.
COMMON = (
    Option(
        name="task",
        default="",
        help="What the model is for: sequence_classification, token_classification, "
        "fill_mask, text_embedding, rerank, text_generation, text2text_generation; "
        "else config.json tells.",
    ),
    Option(
        name="device",
        default="cpu",
        help="cpu, cuda, cuda:N, or cuda,cpu: the first that this machine has.",
    ),
    Option(
        name="dtype",
        default="auto",
        help="Type of the weights: float32, bfloat16, float16, or auto (as saved).",
    ),
    Option(
        name="threads",
        type="int",
        default=0,
        help="Threads of one operation; 0 takes the CPU quota of the process.",
    ),
    Option(
        name="maxLength",
        type="int",
        default=0,
        help="Most tokens of a text (with its answer, if one is generated); 0 takes "
        "what the model can.",
    ),
    Option(
        name="maxModelLen",
        type="int",
        default=0,
        help="The same as maxLength, as vLLM and KServe also call it.",
    ),
    Option(
        name="trustRemoteCode",
        type="bool",
        default=False,
        help="Run the Python code that comes with a model (auto_map in config.json).",
    ),
    Option(
        name="allowPickle",
        type="bool",
        default=False,
        help="Load weights from pytorch_model.bin, with weights_only.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by a newer transformers: warn, or fail.",
    ),
    Option(
        name="backend",
        default="auto",
        help="As KServe's: auto or huggingface; vllm is refused.",
    ),
    Option(
        name="disableLogRequests",
        type="bool",
        default=True,
        help="As KServe's: texts of requests are never logged; false is refused.",
    ),
    Option(
        name="maxLogLen",
        type="int",
        default=0,
        help="As KServe's, and without effect: texts of requests are never logged.",
    ),
    Option(
        name="modelId",
        default="",
        help="Refused with what to write instead: a storageUri like hf://OWNER/NAME.",
    ),
    Option(
        name="modelRevision",
        default="",
        help="Refused with what to write instead: hf://OWNER/NAME:REVISION.",
    ),
    Option(
        name="tokenizerRevision",
        default="",
        help="Refused: the tokenizer is that of the model's folder.",
    ),
)
#: What models understand that read texts and write none.
ENCODERS = (
    Option(
        name="outputs",
        default="",
        help="Outputs of a request that names none, such as label,score; "
        "comma-separated.",
    ),
    Option(
        name="truncate",
        type="bool",
        default=True,
        help="Cut texts that are too long, instead of refusing them.",
    ),
    Option(
        name="disableLowerCase",
        type="bool",
        default=False,
        help="Keep upper case even where the tokenizer would not.",
    ),
    Option(
        name="disableSpecialTokens",
        type="bool",
        default=False,
        help="Do not put the model's own tokens around a text.",
    ),
    Option(
        name="tensorInputNames",
        default="",
        help="What the model is given of input_ids, attention_mask, token_type_ids; "
        "else all that it takes; comma-separated.",
    ),
    Option(
        name="returnTokenTypeIds",
        type="bool",
        default=True,
        help="Give the types of the tokens to a model that takes them, as pairs need.",
    ),
    Option(
        name="returnOffsetsMapping",
        type="bool",
        default=False,
        help="Answer with the place of each token in its text too, as offset_mapping "
        "(token_classification).",
    ),
    Option(
        name="returnProbabilities",
        type="bool",
        default=False,
        help="Answer with the probabilities of all labels.",
    ),
    Option(
        name="returnRawLogits",
        type="bool",
        default=False,
        help="Answer with what the model gives before it is made a probability.",
    ),
    Option(
        name="topK",
        type="int",
        default=5,
        help="How many alternatives a masked word gets (fill_mask).",
    ),
    Option(
        name="pooling",
        default="auto",
        help="How tokens become one vector: cls, mean, lasttoken, max, ...; auto is "
        "as the model says (text_embedding).",
    ),
    Option(
        name="normalize",
        default="auto",
        help="Bring vectors to length 1: true, false, or auto (as the model says).",
    ),
    Option(
        name="prompt",
        default="",
        help="Name of the model's prompt to put before each text (text_embedding).",
    ),
    Option(
        name="matryoshka",
        type="bool",
        default=False,
        help="Let requests ask for fewer dimensions, though the model says nothing "
        "of it.",
    ),
    Option(
        name="maxBatchTokens",
        type="int",
        default=0,
        help="Most tokens of one batch, with padding; 0 suits the device.",
    ),
    Option(
        name="maxBatchSize",
        type="int",
        default=0,
        help="Most texts of one batch; 0 suits the device.",
    ),
)
#: What models understand that write text.
GENERATORS = (
    Option(
        name="maxSequences",
        type="int",
        default=0,
        help="How many answers are generated at one time; 0 takes 32.",
    ),
    Option(
        name="maxWaiting",
        type="int",
        default=0,
        help="How many requests may wait for their turn; 0 takes 256.",
    ),
    Option(
        name="cacheMiB",
        type="int",
        default=0,
        help="Memory for the keys and values of all answers; 0 takes a quarter of the "
        "memory that is free, of a GPU's most.",
    ),
    Option(
        name="prefillTokens",
        type="int",
        default=0,
        help="Tokens of new prompts that are read between two steps; 0 takes 512.",
    ),
    Option(
        name="toolParser",
        default="auto",
        help="How the model writes calls of tools: hermes, llama3_json, mistral, or "
        "auto, as its chat template tells.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves Hugging Face model folders."""
    yield Runtime(
        name="huggingface",
        formats=(ModelFormat(name="huggingface", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2", "openai"),
        container=ContainerTemplate.serving("huggingface"),
        model=ImportRef(
            "inferry_runtime_huggingface.model:HuggingfaceModel", extra="serve"
        ),
        artifacts=("*.safetensors", "*.safetensors.index.json"),
        options=(*COMMON, *ENCODERS, *GENERATORS),
        aliases=("kserve-huggingfaceserver",),
        batching="requests of all clients, padded and sorted by length; generation by "
        "step",
        devices=("cpu", "cuda"),
        safety="safetensors are data; *.bin files may run code: `--allowPickle`; code "
        "of the model's folder: `--trustRemoteCode`",
    )
