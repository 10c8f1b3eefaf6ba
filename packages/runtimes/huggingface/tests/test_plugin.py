"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

import pytest

from inferry.testing import PluginTests
from inferry_runtime_huggingface import plugin


class TestPlugin(PluginTests):
    plugin = "huggingface"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "huggingface"
    assert {each.name for each in runtime.formats} == {"huggingface"}
    assert runtime.aliases == ("kserve-huggingfaceserver",)


#: All that KServe's Hugging Face server declares besides what is of every server's.
KSERVE = (
    "backend",
    "disable_log_requests",
    "disable_lower_case",
    "disable_special_tokens",
    "dtype",
    "max_length",
    "max_log_len",
    "max_model_len",
    "model_id",
    "model_revision",
    "return_offsets_mapping",
    "return_probabilities",
    "return_raw_logits",
    "return_token_type_ids",
    "task",
    "tensor_input_names",
    "tokenizer_revision",
    "trust_remote_code",
)


@pytest.mark.parametrize("flag", KSERVE)
def test_knows_every_flag_of_kserves_server(flag: str) -> None:
    (runtime,) = plugin.inferry_runtimes()

    names = {each.name.lower() for each in runtime.options}
    assert flag.replace("_", "") in names
