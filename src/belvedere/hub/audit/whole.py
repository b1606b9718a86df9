"""The whole log as one ZIP, to be checked away from the hub: its public files, what every entry said, the page that checks."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Engine, select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from belvedere.hub.access.doors import CurrentUser, roles
from belvedere.hub.audit.export import EXPORTED
from belvedere.hub.audit.page import VERIFY_PAGE
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import audit_entry
from belvedere.policy.table import Role
from belvedere.tlog.checkpoint import log_key, open_checkpoint
from belvedere.tlog.cosign import note_key_text
from belvedere.tlog.tiles import tiles_of

_PAGE = 1000
PART = 1 << 16  # bytes: each part costs a turn of a thread, whatever is in it
HOW_TO_CHECK = """The audit log of a Belvedere hub: log/checkpoint and log/tile are public, log/entries.jsonl says
what each entry said.

Take the hub's public key from somebody you trust, not from here. Unpack this file. Then, without any network,

  belvedere audit verify --folder log --entries log/entries.jsonl --key KEY

or open verify.html from your disk and give it the key and the folder "log".
"""

router = Room()


@router.get("/api/audit/log.zip", response_class=StreamingResponse)
@roles(Role.DPO, Role.AUDITOR)
async def whole(request: Request, user: CurrentUser) -> Response:
    """The log up to now with all its words, as both verifiers take it. That it was taken stands in it."""
    hub = hub_of(request)
    facts = {"first": 0, "last": hub.audit.checkpoint().size - 1, "format": "zip", "salts": True}
    await hub.audit.append(EXPORTED, user.id, facts | {"pseudonymous": False})
    head = {"Content-Disposition": 'attachment; filename="belvedere-log.zip"'}
    return StreamingResponse(whole_log(hub), media_type="application/zip", headers=head)


class _Sink(io.RawIOBase):
    """What was written since the last `taken`, `waiting` bytes. A ZIP that is made for it needs no seeking."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self.waiting += len(data)
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts, self.waiting = self._parts, [], 0
        return b"".join(parts)


def whole_log(hub: HubContext) -> Iterator[bytes]:
    """Parts of the ZIP, of `PART` bytes at least but for the last; memory does not grow with the log. Blocking."""
    public_key = hub.key.public_key().public_bytes_raw()
    note = hub.witnesses.head()
    size = open_checkpoint(note, public_key).size
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("how-to-check.txt", HOW_TO_CHECK)
        archive.writestr("verify.html", VERIFY_PAGE.read_bytes())
        archive.writestr("log/checkpoint", note)
        archive.writestr("log/key", f"{note_key_text(log_key(public_key))}\n")
        archive.writestr("log/witnesses", hub.witnesses.list.text())
        for name in tiles_of(size):
            data = hub.audit.tile(name)
            if data is not None:  # a missing one is the verifiers' to say
                archive.writestr(f"log/tile/{name.path}", data, zipfile.ZIP_STORED)
                if sink.waiting >= PART:
                    yield sink.taken()
        with archive.open("log/entries.jsonl", "w", force_zip64=True) as file:
            for line in entry_lines(hub.engine, size):
                file.write(line)
                if sink.waiting >= PART:
                    yield sink.taken()
    yield sink.taken()


def entry_lines(engine: Engine, size: int) -> Iterator[bytes]:
    """Rows word for word as they stand in the database, so that a changed one comes to light."""
    for first in range(0, size, _PAGE):
        with reading(engine) as connection:
            column = audit_entry.c.index
            query = select(audit_entry).where(column >= first, column < min(size, first + _PAGE))
            rows = connection.execute(query.order_by(column)).mappings().all()
        for row in rows:
            words: dict[str, Any] = {"index": row["index"], "kind": row["kind"], "actor": row["account_id"]}
            if row["body"]:
                words |= {"record": row["body"], "salt": (row["salt"] or b"").hex()}
            else:
                words |= {"erased": True}
            yield msgspec.json.encode(words) + b"\n"
