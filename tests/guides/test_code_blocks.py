"""Every code block in the docs is quoted from a tested file, or a parser of its language accepts it."""

from __future__ import annotations

import pytest

from tests.guides import code_blocks, validators


@pytest.mark.parametrize("block", code_blocks.CODE, ids=str)
def test_a_block_is_quoted_from_a_tested_file_or_valid(block: code_blocks.Block) -> None:
    if not validators.is_quoted(block):
        assert block.language in validators.VALIDATORS, f"no validator for {block.language or 'no language'}"
        validators.VALIDATORS[block.language](block.code)


def test_no_block_is_overlooked() -> None:
    """All fences are found, and all pages are directly in docs/."""
    assert len(code_blocks.CODE) > 60
    for page, text in code_blocks.PAGES.items():
        fences = sum(line.lstrip().startswith(("```", "~~~")) for line in text.splitlines())
        assert fences == 2 * len(code_blocks.parse_blocks(page, text)), page
    assert sorted(code_blocks.DOCS.glob("*.md")) == sorted(
        path for path in code_blocks.DOCS.rglob("*.md") if not {"_build", "reference"} & set(path.parts)
    )


@pytest.mark.parametrize(
    "broken",
    [
        "\nmake it so\n",
        "python\nimport\n",
        "console\n$ python manage.py vton_batch --every shop.Product\n",
        "console\n$ rm -r .\n",
        "console\n$ make dinner\n",
        "html\n{% tryon %}{% load vton %}\n",
        "nginx\nserver { listen }\n",
        "json\n[1,]\n",
        "css\na { color }\n",
        "js\nlet = {\n",
        "text\nsomething happened\n",
        "ini\n[Service]\nExecStart=/srv/shop/.venv/bin/python manage.py cluster\n",
        "http\nNo: status\n",
        (
            'po\nmsgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
            'msgid "Nobody says this"\nmsgstr "Das sagt niemand"\n'
        ),
        "yaml\nservices: {a: {command: python manage.py cluster}}\n",
    ],
)
def test_a_broken_block_is_rejected(broken: str) -> None:
    (block,) = code_blocks.parse_blocks("page", f"```{broken}```\n")
    with pytest.raises((Exception, SystemExit)):
        validators.VALIDATORS[block.language](block.code)
