"""Which test files open hubs in their own process: those that reach `open_hub` or a hub's engine, by stages or themselves."""

import re
from functools import cache
from pathlib import Path

_TESTS = Path(__file__).parent
_IMPORT = re.compile(r"^(?:from|import) ([a-z_]+)\b", re.MULTILINE)
_OPENS = re.compile(r"\bopen_hub\b|\bhub_database_url\b")


@cache
def opens_hubs(path: Path) -> bool:
    """Whether a test file, or a stage that it imports, opens one. Browser tests are left out: their hubs are processes."""
    text = path.read_text("utf-8")
    if "acceptance" in path.parts:
        return False
    stages = (_TESTS / f"{name}.py" for name in _IMPORT.findall(text))
    return bool(_OPENS.search(text)) or any(opens_hubs(stage) for stage in stages if stage.exists() and stage != path)
