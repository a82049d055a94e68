"""What is written for coding agents comes from the documentation, completely, and is up to date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docs import agents
from tests.guides import code_blocks

if TYPE_CHECKING:
    from pathlib import Path


def test_agents_md_is_up_to_date() -> None:
    assert (code_blocks.ROOT / "AGENTS.md").read_text() == agents.agents_md(), "Run: make agents"


def test_llms_txt_lists_every_page_and_each_is_there_as_markdown(tmp_path: Path) -> None:
    agents.write(tmp_path)
    text = (tmp_path / "llms.txt").read_text()
    # The order that llmstxt.org demands: a title, a summary, prose without headings, lists of links.
    assert re.match(r"# .+\n\n(> .+\n)+\n([^#>\n-].*\n+)+(## .+\n\n(- \[.+\]\(https:.+\).*\n)+\n?)+\Z", text)

    links = re.findall(rf"^- \[.+?\]\({agents.BASE_URL}(.+?)\)", text, re.MULTILINE)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    assert (len(links), set(links)) == (len(written), written)
    assert written > {"quickstart.md", "reference/settings.md"}

    full = (tmp_path / "llms-full.txt").read_text()
    assert all((tmp_path / name).read_text() in full for name in written)
    assert (code_blocks.ROOT / "examples" / "react" / "TryOn.tsx").read_text() in full
    assert re.findall(r"^(?:```|:::)+\{|\]\((?!https?:)", full, re.MULTILINE) == []
