"""A site's box that answers the hub's orders of its document: real index, real cameras, no recording."""

from pathlib import Path
from typing import Any

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.settings import SiteSettings
from belvedere.link.messages import Failure, Reply, Request
from belvedere.site.custody.document import site_document
from belvedere.site.custody.ordered import OrderedDocument
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe

SECRET = "correcthorse"


class OrderedBox:
    """A site's index with its own keys. `looked`: how often recording was told to look anew; `failed`: its last no."""

    def __init__(self, folder: Path, hub_key: bytes, site: str = "rowan", key: bytes = b"k" * 32) -> None:
        folder.mkdir()
        (folder / "hub.pub").write_bytes(hub_key)
        clock = SimulatedClock()
        self.folder, self.looked = folder, 0
        self.failed: Failure | None = None
        self.index = Index(folder / "index.db", clock)
        self.cameras = Cameras(self.index, ConnectionSafe(key), clock)
        self.settings: dict[str, Any] = SiteSettings.model_validate({"id": site}).model_dump(mode="json")
        self.order = OrderedDocument(self.index, self.cameras, self.settings, clock, folder / "hub.pub", self._look)

    def _look(self) -> None:
        self.looked += 1

    def lived(self) -> None:
        """Two cameras, one with a password."""
        self.cameras.put("gate", "Gate", f"rtsp://ann:{SECRET}@192.0.2.1/1", "rtsp://192.0.2.1/2", True)
        self.cameras.put("yard", "Yard", "rtsp://192.0.2.2/1", "", False)

    def document(self) -> bytes:
        return site_document(self.index, self.cameras, self.settings)

    def answer(self, request: Request) -> Reply | None:
        """As the uplink answers; None for what is not about the document."""
        work = self.order.answers.get(type(request))
        try:
            return work(request) if work is not None else None
        except BelvedereError as error:
            self.failed = Failure(error.code, error.message, error.advice)
            return self.failed

    def close(self) -> None:
        self.index.close()
