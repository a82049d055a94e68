"""Write the documentation for coding agents: `llms.txt`, the pages as Markdown, and AGENTS.md.

As a Sphinx extension, it adds the files of https://llmstxt.org to the HTML; `make agents` writes AGENTS.md.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from docs import generate
from docs.markdown import table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BASE_URL = "https://django-vton.readthedocs.io/en/latest/"

DIRECTIVE = re.compile(r"^(```+|:::+)\{(\w+)\} ?(.*)\n(?:.*\n)*?\1\n", re.MULTILINE)
IMAGE = re.compile(r"^!\[.*\]\(.*\)\n+", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
TOCTREE = re.compile(r"```\{toctree\}\n:caption: (.+)\n:maxdepth: 1\n\n([^`]+)```")

FURTHER_PAGES = ("going-live", "product-page", "admin-renders", "oscar", "wagtail", "api-only")

INTRODUCTION = """\
# django-vton for coding agents

How to add AI virtual try-on to the product pages of a Django shop. To change the package itself, read
CONTRIBUTING.md. This file is generated from the documentation by `make agents`.

- Develop and test against the sandbox, which needs no key and costs nothing. A real key spends money: set
  `DAILY_BUDGET`, keep the key in the environment, and never call the vendor in a test.
- Import only what [the reference]({url}reference/python.md) lists.
  All else, models too, may change in any release.
- Change the shop, not the package: a `tryon.py`, settings, CSS custom properties, signals, templates of the
  same name."""


def pages() -> dict[str, str]:
    """Every page as plain Markdown with absolute links, by its path without a suffix."""
    found = {path.stem: path.read_text() for path in DOCS.glob("*.md")}
    found |= {f"reference/{name}": text for name, text in generate.pages().items()}
    return {name: _plain(name, text) for name, text in found.items() if name != "index"}


def _plain(name: str, text: str) -> str:
    """Replace Sphinx's directives, remove the images, and make the links absolute."""

    def resolve(directive: re.Match[str]) -> str:
        if directive[2] != "literalinclude":
            return ""
        (language,) = re.findall(r"^:language: (\w+)$", directive[0], re.MULTILINE)
        return f"```{language}\n{(DOCS / directive[3]).read_text()}```\n"

    text = IMAGE.sub("", DIRECTIVE.sub(resolve, text))
    return LINK.sub(lambda link: f"]({urljoin(f'{BASE_URL}{name}.md', link[1])})", text)


def toctree() -> dict[str, list[str]]:
    """The pages of each part of the documentation, in their order."""
    return {caption: names.split() for caption, names in TOCTREE.findall((DOCS / "index.md").read_text())}


def llms_txt() -> str:
    """The documentation's table of contents, as https://llmstxt.org describes it."""
    texts = pages()
    index = _plain("index", (DOCS / "index.md").read_text()).split("\n\n")
    parts = [index[0], textwrap.indent(index[1], "> "), *index[2:4]]
    parts.append(f"All pages in one file: {BASE_URL}llms-full.txt")
    for caption, names in toctree().items():
        # A reader who lacks room leaves out what is called optional.
        parts.append(f"## {'Optional' if caption == 'Project' else caption}")
        parts.append("\n".join(_link(name, texts[name]) for name in names))
    return "\n\n".join(parts) + "\n"


def _link(name: str, text: str) -> str:
    """A line about a page: its title and, if the page begins with one, its first sentence."""
    title, paragraph = text.split("\n\n")[:2]
    note = f": {_sentence(paragraph)}" if paragraph[0].isalpha() else ""
    return f"- [{title.removeprefix('# ')}]({BASE_URL}{name}.md){note}"


def _sentence(paragraph: str) -> str:
    text = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", paragraph.replace("\n", " "))
    return re.split(r"(?<=[.!?]) ", text)[0].removesuffix(":")


def write(folder: Path) -> None:
    """Write `llms.txt`, `llms-full.txt` and each page, beside the HTML."""
    texts = pages()
    for name, text in texts.items():
        file = folder / f"{name}.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    order = [name for names in toctree().values() for name in names]
    (folder / "llms-full.txt").write_text("\n".join(texts[name] for name in order))
    (folder / "llms.txt").write_text(llms_txt())


def agents_md() -> str:
    """The text of AGENTS.md."""
    texts = pages()
    quickstart = texts["quickstart"]
    settings = re.findall(r"^## `(\w+)`\n\n(.+)\n\n(.+)", texts["reference/settings"], re.MULTILINE)
    commands = re.findall(r"^## `(\w+)`\n\n(.+)", texts["reference/commands"], re.MULTILINE)
    parts = [
        INTRODUCTION.format(url=BASE_URL),
        _section((ROOT / "README.md").read_text(), "Install"),
        "## Develop with the sandbox",
        "\n\n".join(_blocks(_section(quickstart, "The try-on"), "# myshop/settings.py")),
        "\n\n".join(_blocks(_section(quickstart, "Run it"), r"\$")),
        _section(quickstart, "Common mistakes"),
        "## Test with the sandbox",
        _section(texts["testing"], "In pytest").partition("\n\n")[2],
        f"The sandbox also [simulates failures]({BASE_URL}testing.md#simulated-failures).",
        "## Commands",
        table(("`manage.py …`", ""), [(f"`{name}`", _sentence(text)) for name, text in commands]),
        "## Settings",
        f"Keys of the dict `VTON`, all optional: [more about each]({BASE_URL}reference/settings.md).",
        table(
            ("setting", "type and default", ""),
            [(f"`{name}`", default, _sentence(text)) for name, default, text in settings],
        ),
        "## More",
        "\n".join(_link(name, texts[name]) for name in FURTHER_PAGES),
        f"[All pages]({BASE_URL}llms.txt), also [in one file]({BASE_URL}llms-full.txt)",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _section(text: str, heading: str) -> str:
    """A section of a page, with its heading."""
    (found,) = re.findall(rf"^## {heading}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def _blocks(section: str, beginning: str) -> list[str]:
    """The code blocks of a section that begin so."""
    return re.findall(rf"^```\w+\n{beginning}.*?^```$", section, re.MULTILINE | re.DOTALL)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the files at the end of each HTML build."""

    def on_build_finished(app: Sphinx, error: Exception | None) -> None:
        if error is None and app.builder.format == "html":
            write(Path(app.outdir))

    app.connect("build-finished", on_build_finished)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    (ROOT / "AGENTS.md").write_text(agents_md())
