"""The site's own grant for analysis, as the hub brought it: kept in a file, refused once it ended, and good for nothing else."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Refused, StorageFault
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.seeing import PutAnalysisGrant
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import MAX_WIRE_BYTES
from belvedere.site.grants.ended import Opener

log = structlog.get_logger()

_NAME = "analysis.grant"


class AnalysisGrant:
    """One a site. Thread-safe: the words are replaced, never changed, and opened anew at each use."""

    def __init__(self, opener: Opener, folder: Path, clock: Clock) -> None:
        """`folder` is the site's own, where the words are kept over restarts."""
        self._opener = opener
        self._file = folder / _NAME
        self._clock = clock
        try:
            self._wire = self._file.read_bytes() if self._file.exists() else b""
        except OSError as error:  # the hub brings it again
            log.warning("analysis_grant_unread", error=str(error))
            self._wire = b""

    def give(self, camera: str, from_us: int, to_us: int) -> Grant | None:
        """The grant, if it allows looking at this camera's [from_us, to_us) now; None where the site has none that does."""
        if not self._wire:
            return None
        try:
            grant = self._opener.open(self._wire)
            self._require_ours(grant)
            grant.require(Action.ANALYSE, camera, now_us=self._clock.now_us(), start_us=from_us, end_us=to_us)
        except Refused:  # expired, ended, of other cameras or other footage
            return None
        return grant

    def answers(self) -> Mapping[type[Request], Callable[..., Reply]]:
        """What the site answers over the link."""
        return {PutAnalysisGrant: self.put}

    def put(self, request: PutAnalysisGrant) -> Answer:
        """Keep the words, or forget them. Raises Refused (GrantForged, ...), BadInput, StorageFault."""
        if len(request.grant) > MAX_WIRE_BYTES:
            raise BadInput("This is too long for a grant.", advice="Give it fewer cameras.")
        if request.grant:
            self._require_ours(self._opener.open(request.grant))
        self._wire = request.grant
        try:
            if not request.grant:
                self._file.unlink(missing_ok=True)
                return Answer()
            made = self._file.with_suffix(".new")
            with made.open("wb") as file:
                file.write(request.grant)
                file.flush()
                os.fsync(file.fileno())
            made.replace(self._file)
        except OSError as error:
            raise StorageFault(
                f"The site's grant can't be kept: {error.strerror}.", advice="Look at the site's disk."
            ) from error
        return Answer()

    @staticmethod
    def _require_ours(grant: Grant) -> None:
        """Only the action to analyse: words that open pictures are a person's. Raises Refused."""
        if grant.actions != {Action.ANALYSE} or grant.case or not grant.user_id.startswith("site:"):
            raise Refused("This is not a site's grant for analysis.", advice="Keep it to its person.")
