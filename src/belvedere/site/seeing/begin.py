"""Starting a process that looks: which model, and its file, which the process gets open and read-only."""

import subprocess
from pathlib import Path


class Beginner:
    """Knows the site's folder of models. Any thread."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def name(self) -> str:
        """Name and version of the model that looks, "" while there is none."""
        return ""

    def begin(self) -> "subprocess.Popen[bytes] | None":
        """Start a process, confined as well as this machine can; None while there is no model. Raises Unavailable."""
        return None
