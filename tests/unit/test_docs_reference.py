"""The reference says what the code does: settings and commands are kept equal, links lead somewhere."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from belvedere.cli.main import app
from belvedere.foundation.paging import PagingSettings
from belvedere.foundation.search import SearchSettings
from belvedere.foundation.settings import HubSettings, SiteSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("section", "model"),
    [("hub", HubSettings), ("site", SiteSettings), ("paging", PagingSettings), ("search", SearchSettings)],
)
def test_every_setting_is_in_the_reference(
    section: str, model: type[HubSettings] | type[SiteSettings] | type[PagingSettings] | type[SearchSettings]
) -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    body = text.split(f"## `[{section}]`")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \|$", body, re.MULTILINE))
    assert documented == {name: field.description for name, field in model.model_fields.items()}


def commands(command: object, path: str = "belvedere") -> list[str]:
    group = getattr(command, "commands", None)
    if group is None:
        return [path]
    return [name for key, sub in group.items() for name in commands(sub, f"{path} {key}")]


def test_every_command_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    documented = set(re.findall(r"^## `(belvedere [a-z -]+?)`", text, re.MULTILINE))
    assert documented == set(commands(get_command(app)))


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
