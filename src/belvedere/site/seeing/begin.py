"""Starting a process that looks: which model, and its file, which the process gets open and read-only."""

import os
import subprocess
from pathlib import Path

import msgspec

from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.site.sandbox.start import start
from belvedere.vision.models.shelf import Model, ModelShelf

WORKER = "belvedere.site.seeing.worker"
MEMORY_BYTES = 4 << 30
"""Of address space: the runtimes of models reserve much and use little (270 MB with NanoDet)."""


class Beginner:
    """Knows the folder of this machine's models; another process may put one there at any time. Any thread."""

    def __init__(self, models: Path) -> None:
        self._shelf = ModelShelf(models)

    def name(self) -> str:
        """Name, version and contents of the model that looks, "" while there is none."""
        model = self._chosen()
        return "" if model is None else f"{model.called} {model.sha256[:12]}"

    def begin(self) -> "subprocess.Popen[bytes] | None":
        """Start a process, confined as well as this machine can; None while there is no model. Raises Unavailable."""
        model = self._chosen()
        if model is None:
            return None
        try:
            handle = os.open(self._shelf.path(model), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(
                f"The model {model.called} can't be read: {error.strerror}.", advice="Run `belvedere models fetch`."
            ) from error
        try:
            # An open file, no path: its view of the disk stays as narrow as every decoder's.
            arguments = (str(handle), msgspec.json.encode(model).decode())
            return start(WORKER, arguments, handles=(handle,), memory_bytes=MEMORY_BYTES)
        finally:
            os.close(handle)

    def _chosen(self) -> Model | None:
        try:
            return self._shelf.chosen()
        except StorageFault:
            return None  # `belvedere models list` says what is wrong with the register
