"""The site as a witness: it keeps the last checkpoint of the hub's log that it checked, and signs only what extends it.

Order: check, keep (durably), sign. So a site that lost power never signs two histories, and a hub that shows another one is refused
for good, until a person has looked.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, Refused, StorageFault
from belvedere.link.messages import Reply, Request
from belvedere.link.witness import Cosign, Cosigned, GetWitness, WitnessState
from belvedere.site.storage.keys import load_key
from belvedere.tlog.checkpoint import Checkpoint, open_checkpoint
from belvedere.tlog.cosign import cosign, follow
from belvedere.tlog.folder import write_durably
from belvedere.tlog.note import BadNote, split_note


class SiteWitness:
    """Thread-safe. `seen` tells how far the log was seen to reach by the grants that the site opened."""

    def __init__(
        self, site: str, key_file: Path, hub_key_file: Path, clock: Clock, seen: Callable[[], int] = lambda: 0
    ) -> None:
        """`key_file`: the witness's own key, made when missing; what it keeps lies beside it."""
        self._name = f"belvedere/site/{site}"
        self._key = Ed25519PrivateKey.from_private_bytes(load_key(key_file, make=True))
        self._kept_file = key_file.with_suffix(".checkpoint")
        self._hub_key_file = hub_key_file
        self._clock = clock
        self._seen = seen
        self._lock = threading.Lock()

    def answers(self) -> Mapping[type[Request], Callable[..., Reply]]:
        """What the site answers over the link."""
        return {GetWitness: self.state, Cosign: self.cosign}

    def state(self, request: GetWitness) -> WitnessState:
        """How far this witness is. Raises Refused before the hub has brought its key."""
        with self._lock:
            kept = self._kept(self._hub_key())
        size = kept.size if kept is not None else 0
        return WitnessState(self._name, self._key.public_key().public_bytes_raw(), size)

    def cosign(self, request: Cosign) -> Cosigned:
        """Check, keep and sign. Raises Refused when the log went back, forked or is not the hub's."""
        with self._lock:
            hub_key = self._hub_key()
            kept = self._kept(hub_key)
            try:
                new = follow(request.checkpoint, hub_key, kept, request.path)
            except BadNote as error:
                raise Refused(error.message, advice=error.advice) from error
            if new.size < self._seen():
                raise Refused(
                    f"The log of {new.size} entries is shorter than a grant has shown it.",
                    advice="Tell the data protection officer: the hub's log was set back.",
                )
            if kept is None or new.size > kept.size:
                try:
                    write_durably(self._kept_file, request.checkpoint)
                except OSError as error:
                    raise StorageFault(
                        "The site can't keep the checkpoint, so it does not sign it.", advice="Check the site's disk."
                    ) from error
            text, _ = split_note(request.checkpoint)
            return Cosigned(cosign(text, self._name, self._key, self._clock.now_us() // SECOND_US))

    def _hub_key(self) -> bytes:
        try:
            return self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error

    def _kept(self, hub_key: bytes) -> Checkpoint | None:
        try:
            return open_checkpoint(self._kept_file.read_bytes(), hub_key)
        except FileNotFoundError:
            return None
        except (OSError, BelvedereError) as error:
            raise Refused(
                "What this site knew of the hub's log is damaged, or is of another hub.",
                advice=f"Tell the data protection officer; then remove {self._kept_file.name} beside the site's keys.",
            ) from error
