"""The guides match the code: quoted lines, documented names, images and links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.sources import check_messages

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
GUIDES = ["oscar", "wagtail"]
READ_THE_DOCS = "https://django-vton.readthedocs.io/en/latest/"
REPOSITORY = re.compile(
    r"https://(?:github\.com/django-vton/django-vton/blob|raw\.githubusercontent\.com/django-vton/django-vton)/main/"
)


def code_blocks(guide: str) -> list[tuple[str, str]]:
    """The language and the code of each block."""
    return BLOCK.findall((DOCS / f"{guide}.md").read_text())


@pytest.mark.parametrize("guide", GUIDES)
def test_every_block_is_quoted_from_the_tested_host(guide: str) -> None:
    host = ROOT / "tests" / "hosts" / guide
    files = {
        "python": [path.read_text() for path in host.rglob("*.py")],
        "html": [path.read_text() for path in host.rglob("*.html")],
    }

    blocks = code_blocks(guide)
    assert len(blocks) >= 3
    assert [code for language, code in blocks if not any(code in text for text in files[language])] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_a_shop_needs_five_lines(guide: str) -> None:
    """The lines of its code that concern the try-on; the guides show what a shop may override, too."""
    lines = [line for _language, code in code_blocks(guide)[:-1] for line in code.splitlines()]
    assert 2 < len([line for line in lines if "vton" in line or "tryon" in line]) <= 5


def names_in_package(pattern: str, *globs: str) -> set[str]:
    """Every match in these files of the package; a match may contain several names."""
    texts = [path.read_text() for glob in globs for path in (ROOT / "django_vton").glob(glob)]
    return {name for text in texts for match in re.findall(pattern, text) for name in match.split()}


def test_every_custom_property_and_part_is_in_the_guide() -> None:
    guide = (DOCS / "theming.md").read_text()
    properties = names_in_package(
        r"var\((--vton-[a-z-]+)", "static/vton/dialog.css", "static/vton/button.css"
    )
    assert properties == set(re.findall(r"^\| `(--vton-[a-z-]+)`", guide, re.MULTILINE))

    parts = names_in_package(r'part="([a-z ]+)"', "templates/vton/dialog/*.html")
    parts |= names_in_package(r'part\.add\("([a-z]+)"', "static/vton/*.js")
    (listed,) = re.findall(r"vton-dialog::part\(…\)`: (.*?)\.\n", guide, re.DOTALL)
    assert parts == set(re.findall(r"`([a-z]+)`", listed))


def test_every_system_check_is_in_the_reference() -> None:
    """It is generated from the check modules, so a check elsewhere would be missing."""
    listed = {message.id for message in check_messages(ROOT / "django_vton")}
    assert listed == names_in_package(r'"(vton\.[EW]\d{3})"', "**/*.py")


def test_every_event_is_in_the_guide() -> None:
    guide = (DOCS / "product-page.md").read_text()
    emitted = names_in_package(r'emit\("([a-z-]+)"', "static/vton/*.js") | {"completed", "failed"}
    assert {f"vton:{name}" for name in emitted} == set(re.findall(r"`(vton:[a-z-]+)`", guide))


def test_every_proven_deployment_names_its_tests() -> None:
    _before, _title, section = (DOCS / "operating.md").read_text().partition("\n## Proven deployments\n")
    table = section[section.index("\n|") :].strip().partition("\n\n")[0]
    cells = [row.rstrip("| ").rpartition("|")[2] for row in table.splitlines()[2:]]
    for cell in cells:
        names = re.findall(r"`([^`]+)`", cell)
        assert names, cell
        assert [name for name in names if not (ROOT / name).exists()] == []
    assert len(cells) > 15


def test_every_image_of_a_guide_exists() -> None:
    images = {
        name
        for guide in DOCS.glob("*.md")
        for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", guide.read_text())
    }
    assert len(images) > 5
    assert [name for name in images if not (DOCS / name).is_file()] == []


def test_links_of_the_readme_are_absolute_and_lead_to_existing_pages() -> None:
    """PyPI shows the README as well, and does not resolve relative links."""
    links = LINK.findall((ROOT / "README.md").read_text())
    assert len(links) > 5
    assert [link for link in links if not link.startswith("https://")] == []
    pages = [link.removeprefix(READ_THE_DOCS) for link in links if link.startswith(READ_THE_DOCS)]
    files = [REPOSITORY.sub("", link) for link in links if REPOSITORY.match(link)]
    assert len(pages) >= 2
    assert len(files) >= 2
    paths = [DOCS / page.partition("#")[0].replace(".html", ".md") for page in pages]
    paths += [ROOT / name for name in files]
    assert [path for path in paths if not path.is_file()] == []
