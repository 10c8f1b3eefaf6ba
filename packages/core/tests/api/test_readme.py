from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def test_the_example_of_the_readme_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not README.is_file():
        pytest.skip("the wheel carries no README file")
    text = README.read_text("utf-8")
    example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    printed = re.findall(r"```\n(service.*?)```", text, re.DOTALL)[0]

    exec(compile(example, str(README), "exec"), {})

    assert capsys.readouterr().out == printed
