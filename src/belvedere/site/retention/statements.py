"""The named statements of this room's queries.sql."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def statements() -> Mapping[str, str]:
    """Statement by name. `{held}` in one stands for the condition that a live hold touches the row g of stream s."""
    text = (files("belvedere.site.retention") / "queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    named = {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}
    held = named["held"]
    return {name: body.replace("{held}", f"EXISTS ({held})") for name, body in named.items()}
