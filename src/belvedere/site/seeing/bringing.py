"""Fetching the default model in the background, by a process of its own: at once when analysis has none, then each hour."""

import json
import os
import subprocess
import sys
from pathlib import Path

import structlog

from belvedere.foundation.clock import HOUR_US, Clock

log = structlog.get_logger()

AGAIN_US = HOUR_US
_WORDS = 400


class Bringer:
    """For one thread, which asks `tend` now and then while there is no model. At most one process at a time."""

    def __init__(self, models: Path, clock: Clock, command: tuple[str, ...] = ()) -> None:
        """`command`: instead of the fetching module's, for tests; it gets the folder as its last argument."""
        self._models = models
        self._clock = clock
        self._command = command or (sys.executable, "-m", "belvedere.vision.models.bring")
        self._process: subprocess.Popen[bytes] | None = None
        self._again_us = 0
        self.text = ""  # how it stands, in words; "" before the first try

    def tend(self) -> None:
        """Begin when it is time, and hear what came of it."""
        if self._process is not None:
            if self._process.poll() is not None:
                self._heard(self._process)
            return
        if self._clock.monotonic_us() < self._again_us:
            return
        self._again_us = self._clock.monotonic_us() + AGAIN_US
        try:
            self._process = subprocess.Popen(
                [*self._command, str(self._models)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self.text = f"The model can't be fetched: {error.strerror}. It is tried again within an hour."
            return
        self.text = "The model is being fetched (144 MB)."

    def stop(self) -> None:
        """End what is under way; what it began is thrown away."""
        if self._process is not None:
            if self._process.poll() is None:
                try:
                    os.killpg(self._process.pid, 15)  # npm with it
                except ProcessLookupError:
                    pass
            self._process.communicate()
            self._process = None

    def _heard(self, process: "subprocess.Popen[bytes]") -> None:
        said, _ = process.communicate()
        self._process = None
        try:
            text = str(json.loads(said)["text"])[:_WORDS]
        except (ValueError, KeyError, TypeError):
            text = "The process that fetches it ended."
        if process.returncode == 0:
            self.text = ""
            log.info("model_fetched", text=text)
            return
        self.text = f"{text} It is tried again within an hour."
        log.warning("model_not_fetched", text=text)
