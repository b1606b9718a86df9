"""OWASP ASVS 5.0: `docs/reference/asvs.json`, line by line, and the page made of it. `python3 tests/asvs.py` writes the page.

The texts are our own short words; the numbers and levels are the standard's.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "reference" / "asvs.json"
PAGE = ROOT / "docs" / "reference" / "asvs.md"
STATUSES = ("met", "partly", "not met", "not applicable")
CHAPTERS = (
    *("Encoding", "Validation and business logic", "Web front end", "API", "Files", "Authentication", "Sessions"),
    *("Authorisation", "Self-contained tokens", "OAuth and OIDC", "Cryptography", "Secure communication"),
    *("Configuration", "Data protection", "Secure coding", "Logging and errors", "WebRTC"),
)
# How many lines of level 1 and 2 each chapter of 5.0.0 has, and of level 3; and whose level 3 we answer (security notes, 1.6).
LEVEL_2 = (27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7)
LEVEL_3 = (3, 2, 12, 6, 4, 12, 1, 6, 0, 7, 10, 3, 8, 4, 8, 1, 5)
LEVEL_3_ANSWERED = frozenset({2, 6, 7, 8, 11, 12, 13, 14, 16})


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement. `manual`: what a person looks at, where no test can tell."""

    id: str
    level: int
    text: str
    status: str
    how: str
    tests: tuple[str, ...]
    manual: str

    @property
    def chapter(self) -> int:
        return int(self.id[1:].split(".")[0])


def lines(file: Path = FILE) -> list[Line]:
    """All lines of the file, in its order."""
    return [Line(**{**one, "tests": tuple(one["tests"])}) for one in json.loads(file.read_text("utf-8"))["lines"]]


def page(found: list[Line]) -> str:
    """The page: counts by chapter, then every line."""
    out = [
        "# OWASP ASVS 5.0, line by line",
        "",
        "Made from `asvs.json` by `python3 tests/asvs.py`; a test holds both together. Numbers and levels are those of",
        "ASVS 5.0.0; the words are ours. Every line of levels 1 and 2 is here, and level 3 of the chapters V2, V6, V7, V8,",
        "V11 to V14 and V16. Nothing is called met without a test, or a stated look by a person. Level 3 of the other",
        "chapters is not answered.",
        "",
        "| chapter | lines | met | partly | not met | not applicable |",
        "|---|---|---|---|---|---|",
    ]
    for number, name in enumerate(CHAPTERS, 1):
        mine = Counter(one.status for one in found if one.chapter == number)
        out.append(f"| V{number} {name} | {mine.total()} | " + " | ".join(str(mine[one]) for one in STATUSES) + " |")
    for what, levels in (("All of levels 1 and 2", (1, 2)), ("Answered of level 3", (3,))):
        mine = Counter(one.status for one in found if one.level in levels)
        out.append(f"| **{what}** | {mine.total()} | " + " | ".join(str(mine[one]) for one in STATUSES) + " |")
    for number, name in enumerate(CHAPTERS, 1):
        out += [
            "",
            f"## V{number} {name}",
            "",
            "| line | level | asks | status | how | shown by |",
            "|---|---|---|---|---|---|",
        ]
        for one in found:
            if one.chapter == number:
                shown = ", ".join(f"`{test}`" for test in one.tests) or (f"by hand: {one.manual}" if one.manual else "")
                out.append(f"| {one.id} | {one.level} | {one.text} | {one.status} | {one.how} | {shown} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(lines()), "utf-8")
