"""Ended grants: the site refuses them from the moment that it hears, streams under way included, and after a restart too."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.grants import MOST_ENDINGS, EndGrants
from belvedere.link.messages import Answer, Reply, Request
from belvedere.policy.ended import open_ending
from belvedere.policy.grant import Grant
from belvedere.site.storage.index import Index


class Opener(Protocol):
    """Opens the hub's signed words; `reached` as in `site.serve.HubOpener`."""

    def open(self, wire: bytes) -> Grant: ...

    def reached(self) -> int: ...


class EndedGrants:
    """An opener that knows which grants have ended. Thread-safe: the set is replaced, never changed."""

    def __init__(self, opener: Opener, index: Index, hub_key_file: Path, clock: Clock) -> None:
        self._opener = opener
        self._index = index
        self._hub_key_file = hub_key_file
        self._clock = clock
        rows = index.read().execute("SELECT id FROM ended_grant WHERE expires_us > ?", (clock.now_us(),))
        self._ended = frozenset(str(row[0]) for row in rows)

    def open(self, wire: bytes) -> Grant:
        """The grant in `wire`, if it has not ended. Raises Refused."""
        grant = self._opener.open(wire)
        self.require(grant)
        return grant

    def require(self, grant: Grant) -> None:
        """Return while `grant` has not ended; streams ask before each part. Raises Refused."""
        if grant.id in self._ended:
            raise Refused("This access was ended.", advice="Ask for access.")

    def reached(self) -> int:
        """Entries of the hub's log, as far as grants have shown it."""
        return self._opener.reached()

    def answers(self) -> Mapping[type[Request], Callable[..., Reply]]:
        """What the site answers over the link."""
        return {EndGrants: self.end}

    def end(self, request: EndGrants) -> Answer:
        """Keep these endings. Raises BadInput, GrantForged, Refused before the hub has brought its key."""
        if len(request.endings) > MOST_ENDINGS:
            raise BadInput(f"{MOST_ENDINGS} ends at a time.", advice="Send them in parts.")
        try:
            key = self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error
        endings = [open_ending(wire, key) for wire in request.endings]
        self._ended |= {ending.grant for ending in endings}  # before the disk: pictures stop first
        now_us = self._clock.now_us()
        with self._index.write() as db:
            db.executemany(
                "INSERT INTO ended_grant (id, expires_us) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(ending.grant, ending.expires_us) for ending in endings],
            )
            db.execute("DELETE FROM ended_grant WHERE expires_us <= ?", (now_us,))
            rows = db.execute("SELECT id FROM ended_grant").fetchall()
        self._ended = frozenset(str(row[0]) for row in rows)
        return Answer()
