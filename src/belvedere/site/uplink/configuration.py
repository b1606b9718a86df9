"""What the hub ordered this site to be set to: kept as it was signed, in force without the hub, never undone by an older one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Refused
from belvedere.link.configuration import (
    Configuration,
    ConfigurationState,
    GetConfiguration,
    LineLimits,
    PutConfiguration,
    check_limits,
    open_configuration,
)
from belvedere.link.messages import Reply, Request
from belvedere.site.storage.index import Index

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

log = structlog.get_logger()


def limits_of(settings: "SiteSettings") -> LineLimits:
    """What the box's own settings say of its line."""
    night = None
    if settings.line_night:
        start, end = (int(each[:2]) * 60 + int(each[3:]) for each in settings.line_night.split("-"))
        night = (start, end)
    limits = LineLimits(settings.line_kbit, settings.line_night_kbit, night)
    check_limits(limits)
    return limits


class ConfigurationBook:
    """Thread-safe. `answers` goes to `serve_link`."""

    def __init__(self, index: Index, clock: Clock, settings: "SiteSettings", hub_key_file: Path) -> None:
        """Raises BadInput for settings of the line that make no sense."""
        self._index = index
        self._clock = clock
        self._site = settings.id
        self._own = limits_of(settings)
        self._hub_key_file = hub_key_file
        self.answers: Mapping[type[Request], Callable[[Any], Reply]] = {
            PutConfiguration: self.take,
            GetConfiguration: lambda _: self.state(),
        }
        self._kept = self._read()

    def line(self) -> LineLimits:
        """What holds now."""
        kept = self._kept
        return kept.line if kept is not None and kept.line is not None else self._own

    def state(self) -> ConfigurationState:
        """What the site goes by."""
        kept = self._kept
        return ConfigurationState(0 if kept is None else kept.version, self.line(), self._own)

    def take(self, message: PutConfiguration) -> ConfigurationState:
        """Go by a document that the hub signed for this site. Raises Refused, also for an older one; BadInput."""
        try:
            document = open_configuration(message, self._hub_key())
            if document.site != self._site:
                raise Refused(
                    f"This configuration is for the site {document.site}.", advice="Check which site this is."
                )
            if document.line is not None:
                check_limits(document.line)
            with self._index.write() as db:
                kept = self._read()
                if kept is not None and document.version <= kept.version and document != kept:
                    raise Refused(
                        f"This site has version {kept.version} of its configuration; this version {document.version} is "
                        f"{'older' if document.version < kept.version else 'another one'}.",
                        advice="Order it anew at the hub.",
                    )
                db.execute(
                    "INSERT OR REPLACE INTO configuration VALUES (1, ?, ?, ?, ?)",
                    (document.version, message.words, message.signature, self._clock.now_us()),
                )
        except Refused as error:
            log.warning("configuration_refused", reason=error.message)
            raise
        self._kept = document
        log.info("configuration_taken", version=document.version)
        return self.state()

    def _hub_key(self) -> bytes:
        try:
            return self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Enrol it first.") from error

    def _read(self) -> Configuration | None:
        """The document that is kept; None where there is none of the hub that the site belongs to now."""
        row = self._index.read().execute("SELECT words, signature FROM configuration").fetchone()
        if row is None:
            return None
        try:
            return open_configuration(PutConfiguration(bytes(row[0]), bytes(row[1])), self._hub_key())
        except Refused:
            return None
