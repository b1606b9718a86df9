"""This machine's site for the command line: the one that runs, or one started for the length of a command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from belvedere.foundation.errors import SiteAway, Unavailable
from belvedere.foundation.settings import Settings
from belvedere.link.blocking import BlockingSiteLink

_STOP_WITHIN_S = 15


@contextmanager
def local_site(settings: Settings) -> Iterator[BlockingSiteLink]:
    """A link to the site of `settings.data`. When it is not running, it is started and ended again."""
    with BlockingSiteLink(settings.link_socket) as link:
        try:
            link.status()
        except SiteAway:
            pass
        else:
            yield link
            return
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "belvedere.site.serve", "--data", str(settings.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line or not json.loads(line).get("ready"):
                process.terminate()
                raise Unavailable(f"The recorder did not start: {process.stderr.read()[-800:]}")
            with BlockingSiteLink(settings.link_socket) as link:
                yield link
        finally:
            process.terminate()
            try:
                process.communicate(timeout=_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
