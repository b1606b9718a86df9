"""axe-core on a page: what stands in the way of people who see, hear or move otherwise."""

from typing import Any

from playwright.sync_api import Page

from web_stage import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page) -> list[Any]:
    """Serious and critical findings of axe-core."""
    found: list[Any] = page.evaluate(
        """async ([source, tags]) => {
            if (!window.axe) (0, eval)(source);
            const result = await window.axe.run(document, { runOnly: tags });
            return result.violations
                .filter((each) => ["serious", "critical"].includes(each.impact))
                .map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200))]);
        }""",
        [AXE.read_text(encoding="utf-8"), RULES],
    )
    return found
