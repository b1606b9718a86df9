"""What a data folder holds after a crash: `examine.py DATA` reconciles it as a start would, checks every byte, prints JSON.

`ends`: wall time of the end of each stream's footage, microseconds. `problems`: what `site check` found. `unexplained`: ends
of runs without a reason.
"""

import json
import sys
from pathlib import Path

import structlog

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.site.recorder.check import check
from belvedere.site.recorder.reconcile import begin_boot, reconcile
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key


def examine(data: Path) -> dict[str, object]:
    clock = SystemClock()
    settings = load_settings(data)
    index = Index(settings.site_folder / "index.db", clock)
    try:
        keyring = Keyring(index, load_key(settings.site_folder / "keys" / "footage.kek", make=False), clock)
        disks, wrong = open_disks(index, settings.footage_folders, clock)
        found = reconcile(index, keyring, disks)
        begin_boot(index, found, "bench", clock.now_us())
        problems = check(index, keyring, disks, contents=True)
        problems += [str(error) for error in wrong.values()] + found.missing + found.damaged + found.unknown
        rows = index.read().execute(
            "SELECT c.slug, max(r.end_us), sum(r.end_reason IN ('', 'unknown')) FROM run r "
            "JOIN stream s ON s.id = r.stream_id JOIN camera c ON c.id = s.camera_id GROUP BY c.slug"
        )
        ends, unexplained = {}, 0
        for camera, end_us, without in rows.fetchall():
            ends[camera] = end_us
            unexplained += without
        return {"ends": ends, "problems": problems, "unexplained": unexplained}
    finally:
        index.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(json.dumps(examine(Path(sys.argv[1]))))
