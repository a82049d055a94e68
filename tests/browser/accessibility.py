"""Runs axe-core on a page, including its open shadow roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import npm_file

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN_AXE = """async () => {
    const { violations } = await axe.run(document, {
        runOnly: [
            "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice",
        ],
        rules: { "target-size": { enabled: true } },
        resultTypes: ["violations"],
    });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) =>
        [`${id}: ${help}`, target.flat().join(" >> "), ...failureSummary.split("\\n")].join("\\n    ")));
}"""


def violations(page: Page) -> list[str]:
    """Return the violations that axe-core finds, each with its rule, element and reason."""
    # Evaluated and not added as a script element, which the page's policy would block.
    if not page.evaluate("'axe' in window"):
        page.evaluate(npm_file("axe-core/axe.min.js").read_text())
    found: list[str] = page.evaluate(RUN_AXE)
    return found
