"""Code that the documents show is code that is tested: each block stands in the file it is said to be from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^From `(?P<file>[^`]+)`[^\n]*:\n\n```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def parts(code: str) -> list[str]:
    """Its functions: what stands between them may be left out."""
    return [part.strip("\n") for part in re.split(r"\n\n+(?=\S)", code)]


@pytest.mark.parametrize("document", ["docs/reading-prices.md"])
def test_code_blocks_are_parts_of_the_files_they_name(document: str) -> None:
    text = (ROOT / document).read_text()
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) == len(re.findall(r"^```\w", text, re.MULTILINE)), "a block names no file"
    for block in blocks:
        source = (ROOT / block["file"]).read_text()
        for part in parts(block["code"]):
            assert part in source, f"{document} shows other code than {block['file']} holds"
