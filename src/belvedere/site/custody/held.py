"""Keys that holds need, as the site asks for them and takes them in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Refused, SealBroken
from belvedere.link.custody import PAGE, SealedCopy
from belvedere.link.held import (
    AskHeldDays,
    HeldDay,
    HeldDays,
    ReleaseForHolds,
    held_release_info,
    read_release,
)
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.keybox import check_of, new_private_key, open_box, public_key_of
from belvedere.site.custody.needed import FOR_HOLDS, LENT_US
from belvedere.site.custody.recipients import verify_words
from belvedere.site.storage.folders import site_uuid
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring


class HeldKeys:
    """`answers` is what the link is told. `wake`: retention has something to do. Thread-safe."""

    def __init__(
        self, index: Index, keyring: Keyring, hub_key_file: Path, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._index = index
        self._keyring = keyring
        self._hub_key_file = hub_key_file
        self._clock = clock
        self._wake = wake
        self._box = site_uuid(index, clock)
        self._private = new_private_key()
        self.answers: dict[type[Request], Callable[[Any], Reply]] = {
            AskHeldDays: self._ask,
            ReleaseForHolds: self._take,
        }

    def _ask(self, _request: AskHeldDays) -> HeldDays:
        read = self._index.read()
        slugs = dict(read.execute("SELECT id, slug FROM camera").fetchall())
        days = []
        for (camera_id, day), (from_us, to_us) in list(self._keyring.needed.days().items())[:PAGE]:
            if self._keyring.released.get(FOR_HOLDS, camera_id, day) is not None:
                continue  # lent, and about to be used
            copies = read.execute(
                "SELECT recipient, box, key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, day)
            )
            camera = slugs[camera_id]
            sealed = tuple(SealedCopy(camera, day, *copy) for copy in copies.fetchall())
            days.append(HeldDay(camera, day, from_us, to_us, sealed))
        return HeldDays(self._box, tuple(days), public_key_of(self._private))

    def _take(self, request: ReleaseForHolds) -> Answer:
        """Lend the keys to retention. Raises Refused for words of others, SealBroken for a key that is not the day's."""
        try:
            hub_key = self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error
        words = read_release(verify_words(request.signed, hub_key))
        if words.box != self._box:
            raise Refused("These words about keys are for another recorder.", advice="Ask again.")
        cameras = dict(self._index.read().execute("SELECT slug, id FROM camera").fetchall())
        needed = self._keyring.needed.days()
        until_us = self._clock.now_us() + LENT_US
        for camera, day, box in words.days:
            camera_id = cameras.get(camera)
            if camera_id is None or (camera_id, day) not in needed:
                continue  # a hold ended meanwhile: nothing is lent that nothing waits for
            key = open_box(box, self._private, held_release_info(self._box, camera, day))
            checks = self._index.read().execute(
                "SELECT key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, day)
            )
            if check_of(key) not in {check for (check,) in checks.fetchall()}:
                raise SealBroken(
                    "The hub released another key than that of this day.", advice="Run `belvedere site check`."
                )
            self._keyring.released.put(FOR_HOLDS, camera_id, day, key, until_us)
        self._wake()
        return Answer()
