"""axe-core on a page: what stands in the way of people who see, hear or move otherwise."""

from typing import Any

from playwright.sync_api import Page

from web_stage import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


COLOURS = ["color-contrast", "link-in-text-block"]  # what another colour scheme can change


def violations(page: Page, *, colours_only: bool = False) -> list[Any]:
    """Serious and critical findings of axe-core; `colours_only` for a page that stood the whole in its other colour scheme."""
    found: list[Any] = page.evaluate(
        """async ([source, runOnly]) => {
            if (!window.axe) (0, eval)(source);
            const result = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
            return result.violations
                .filter((each) => ["serious", "critical"].includes(each.impact))
                .map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200))]);
        }""",
        [
            AXE.read_text(encoding="utf-8"),
            {"type": "rule", "values": COLOURS} if colours_only else {"type": "tag", "values": RULES},
        ],
    )
    return found
