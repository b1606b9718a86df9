"""A site document that the hub ordered: checked, compared, then made so as a whole or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.document import (
    LONGEST_DOCUMENT,
    Document,
    GetSiteDocumentState,
    PutSiteDocument,
    SiteDocumentState,
    SiteOrder,
    open_order,
    read_document,
    sha256_of,
    write_document,
)
from belvedere.link.messages import Reply, Request
from belvedere.site.custody.difference import difference
from belvedere.site.custody.document import install_document, make_document
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index

log = structlog.get_logger()


class OrderedDocument:
    """Thread-safe. `answers` goes to `serve_link`."""

    def __init__(
        self,
        index: Index,
        cameras: Cameras,
        settings: Mapping[str, Any],
        clock: Clock,
        hub_key_file: Path,
        changed: Callable[[], None],
    ) -> None:
        """`settings`: the `[site]` section. `changed`: recording looks anew at what there is to record."""
        self._index = index
        self._cameras = cameras
        self._settings = settings
        self._clock = clock
        self._hub_key_file = hub_key_file
        self._changed = changed
        self.answers: Mapping[type[Request], Callable[[Any], Reply]] = {
            PutSiteDocument: self.take,
            GetSiteDocumentState: lambda _: self.state(),
        }

    def state(
        self, changes: tuple[tuple[str, str, str], ...] = (), left: tuple[tuple[str, str, str], ...] = ()
    ) -> SiteDocumentState:
        """The order that holds, and what the site is now."""
        kept, taken_us = self._read()
        version, sha256 = (0, "") if kept is None else (kept.version, kept.sha256)
        return SiteDocumentState(version, sha256, taken_us, sha256_of(write_document(self._here())), changes, left)

    def take(self, message: PutSiteDocument) -> SiteDocumentState:
        """Be what the hub ordered, or say what it would change. Raises Refused, also for an older one; BadInput, Conflict."""
        try:
            order = open_order(message.words, message.signature, self._hub_key())
            wanted = self._checked(order, message.document)
            with self._index.write() as db:
                kept, _ = self._read()
                if kept is not None and order.version <= kept.version and order != kept:
                    raise Refused(
                        f"This site has taken version {kept.version} of its document; version {order.version} is "
                        f"{'older' if order.version < kept.version else 'another one'}.",
                        advice="Order it anew at the hub.",
                    )
                changes = tuple(difference(self._here(), wanted))
                if message.look:
                    return self.state(changes)
                install_document(self._index, self._cameras, wanted, exact=True)
                db.execute(
                    "INSERT OR REPLACE INTO site_order VALUES (1, ?, ?, ?, ?)",
                    (order.version, message.words, message.signature, self._clock.now_us()),
                )
        except Refused as error:
            log.warning("site_order_refused", reason=error.message)
            raise
        self._changed()
        log.info("site_order_taken", version=order.version, changes=len(changes))
        return self.state(changes, tuple(difference(self._here(), wanted)))

    def _checked(self, order: SiteOrder, plain: bytes) -> Document:
        if order.site != self._settings["id"]:
            raise Refused(f"This order is for the site {order.site}.", advice="Check which site this is.")
        if sha256_of(plain) != order.sha256:
            raise Refused("This is not the document that the hub signed for.", advice="Order it again.")
        if len(plain) > LONGEST_DOCUMENT:
            raise BadInput("This document is too long.")
        wanted = read_document(plain)
        if wanted.settings.get("id") != order.site:
            raise Refused(f"This document is of the site {wanted.settings.get('id')}.", advice="Take this site's.")
        return wanted

    def _here(self) -> Document:
        return make_document(self._index, self._cameras, self._settings)

    def _hub_key(self) -> bytes:
        try:
            return self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Enrol it first.") from error

    def _read(self) -> tuple[SiteOrder | None, int]:
        """The order that was taken last, and when; None where there is none of the hub that the site belongs to now."""
        row = self._index.read().execute("SELECT words, signature, taken_us FROM site_order").fetchone()
        if row is None:
            return None, 0
        try:
            return open_order(bytes(row[0]), bytes(row[1]), self._hub_key()), row[2]
        except Refused:
            return None, 0
