"""Settings for a process that runs for months: read and checked by pydantic in a short child, which takes it along when it ends.

pydantic and what it brings are some 10 MB of a process that asks them once (docs/design/packets.md).
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from belvedere.foundation.errors import BadSettings

if TYPE_CHECKING:
    from belvedere.foundation.settings import Settings

_PATH = "a path"


class _Section(SimpleNamespace):
    """Has each field of the section that it stands for, checked, and `model_dump`."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """The fields as JSON has them; `mode` is "json"."""
        if mode != "json":
            raise ValueError("a section that was read apart is dumped as JSON only")
        found: dict[str, Any] = json.loads(json.dumps(vars(self), default=str))
        return found


def load_apart(data: Path) -> "Settings":
    """Settings of the data folder `data`, as `load_settings` gives them, for reading only. Blocks for a child's life (0.3 s).

    Raises BadSettings.
    """
    command = [sys.executable, "-m", "belvedere.foundation.settings_apart", str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise BadSettings(
            f"{data / 'belvedere.toml'} can't be read: what reads it ended with {done.returncode}.", advice="Try again."
        )
    said = json.loads(done.stdout, object_hook=_path)
    if "wrong" in said:
        raise BadSettings(said["wrong"], advice=said["advice"])
    sections = {name: _Section(**words) for name, words in said["sections"].items()}
    return cast("Settings", SimpleNamespace(**sections, **said["rest"]))


def _path(found: dict[str, Any]) -> Any:
    return Path(found[_PATH]) if found.keys() == {_PATH} else found


def _told(data: Path) -> dict[str, Any]:
    """What the child says: the sections, and everything that settings work out of them."""
    from pydantic import BaseModel

    from belvedere.foundation.settings import Settings, load_settings

    try:
        settings = load_settings(data)
    except BadSettings as error:
        return {"wrong": error.message, "advice": error.advice}
    sections: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            sections[name] = value.model_dump()
        else:
            rest[name] = value
    for name, made in vars(Settings).items():
        if isinstance(made, property) and not name.startswith("_"):
            rest[name] = getattr(settings, name)
    return {"sections": sections, "rest": rest}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_told(Path(sys.argv[1])), default=lambda value: {_PATH: str(value)}))
