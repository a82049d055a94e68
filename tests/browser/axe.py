"""axe-core on a page as it stands, open shadow roots included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import from_npm

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async () => {
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
    """What axe-core finds wrong: a rule, where, and why."""
    # Evaluated, not added as a script: the page's policy lets no foreign one in.
    if not page.evaluate("'axe' in window"):
        page.evaluate(from_npm("axe-core/axe.min.js").read_text())
    found: list[str] = page.evaluate(RUN)
    return found
