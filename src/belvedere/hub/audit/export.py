"""The log for other systems: lines of JSON, CEF (ArcSight Common Event Format, 0) or syslog (RFC 5424), one entry a line.

A line never holds a line break, whatever an entry says. Salts stay at home unless asked for: with them the lines can be checked
against the tree, and could be still after the hub has erased an entry.
"""

import hmac
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Engine, select

from belvedere import __version__
from belvedere.foundation.clock import iso
from belvedere.hub.audit.words import summary
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import audit_entry

# Facts that may be published: none of them is anybody's words, name, case or plate.
_PUBLIC_FACTS = frozenset(
    {
        *("camera", "cameras", "site", "stream", "purpose", "action", "actions", "masked", "rule", "policy_version"),
        *("start_us", "end_us", "from_us", "to_us", "expires_us", "day", "first", "last", "size"),
    }
)
EXPORTED = "log.exported"  # kind of the entry that tells of an export
_NOBODY = ("", "hub", "command line", "nobody")  # what acts without being a person
_PAGE = 1000
_LOG_AUDIT = 13  # syslog facility
_NOTICE, _WARNING = 5, 4
_GRAVE = (".refused", ".failed", ".destroyed", ".lost", ".ended")


class ExportFormat(StrEnum):
    JSON = "json"
    CEF = "cef"
    SYSLOG = "syslog"


class Pseudonyms:
    """The log as it can be published: who did it is a keyed hash, the same for the same person, that nobody without the key
    can turn back or try out."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 secret bytes; with another one the same people get other names."""
        self._key = key

    def name(self, actor: str) -> str:
        """`person-` and 16 hex digits for an account; the hub's parts and sites are no persons."""
        if actor in _NOBODY or actor.startswith("site:"):
            return actor
        return f"person-{hmac.digest(self._key, actor.encode(), 'sha256').hex()[:16]}"

    def words(self, words: dict[str, Any], entry_hash: bytes) -> dict[str, Any]:
        """An export's words without anybody's name or own words."""
        kept: dict[str, Any] = {name: words[name] for name in ("index", "time", "kind", "erased") if name in words}
        kept |= {"actor": self.name(words["actor"]), "entry": entry_hash.hex(), "summary": words["kind"]}
        if "facts" in words:
            kept["facts"] = {name: value for name, value in words["facts"].items() if name in _PUBLIC_FACTS}
        return kept


def lines(
    engine: Engine,
    form: ExportFormat,
    first: int,
    end: int,
    *,
    salts: bool = False,
    pseudonyms: Pseudonyms | None = None,
) -> Iterator[tuple[int, str]]:
    """Index and line (without its end) of the entries [first, end), in order; memory does not grow with their number.

    With `pseudonyms` nobody is named and nothing said that would name somebody; the entry's hash ties the line to the tree.
    """
    write = _WRITERS[form]
    while first < end:
        with reading(engine) as connection:
            query = select(audit_entry).where(
                audit_entry.c.index >= first, audit_entry.c.index < min(end, first + _PAGE)
            )
            rows = connection.execute(query.order_by(audit_entry.c.index)).mappings().all()
        for row in rows:
            facts = msgspec.json.decode(row["body"])["facts"] if row["body"] else {}
            words: dict[str, Any] = {
                "index": row["index"],
                "time": iso(row["time_us"]),
                "kind": row["kind"],
                "actor": row["account_id"],
            }
            if row["body"]:
                words |= {"summary": summary(row["kind"], facts), "facts": facts}
            else:
                words |= {"summary": "Erased", "erased": True}
            if salts and row["body"]:
                words |= {"record": row["body"], "salt": row["salt"].hex()}
            if pseudonyms is not None:
                words = pseudonyms.words(words, row["entry_hash"])
            yield row["index"], write(words)
        first += _PAGE


def only_exports(engine: Engine, first: int, end: int) -> bool:
    """Whether [first, end) holds nothing but entries about exports: telling of those would never come to an end."""
    with reading(engine) as connection:
        other = select(audit_entry.c.index).where(
            audit_entry.c.index >= first, audit_entry.c.index < end, audit_entry.c.kind != EXPORTED
        )
        return connection.execute(other.limit(1)).one_or_none() is None


def _json(words: dict[str, Any]) -> str:
    return msgspec.json.encode(words).decode()


def _grave(kind: str) -> bool:
    return kind.endswith(_GRAVE)


def _cef(words: dict[str, Any]) -> str:
    head = (
        "Belvedere",
        "Belvedere",
        __version__,
        words["kind"],
        words["summary"],
        "6" if _grave(words["kind"]) else "3",
    )
    facts = _json({name: words[name] for name in ("facts", "record", "salt") if name in words})
    extension = {
        "rt": words["time"],
        "externalId": str(words["index"]),
        "suser": words["actor"],
        "msg": words["summary"],
        "cs1Label": "record",
        "cs1": facts,
    }
    pairs = " ".join(f"{name}={_escaped(value, '=')}" for name, value in extension.items())
    return "CEF:0|" + "|".join(_escaped(part, "|", line=" ") for part in head) + f"|{pairs}"


def _escaped(text: str, sign: str, line: str = "\\n") -> str:
    text = text.replace("\\", "\\\\").replace(sign, f"\\{sign}")
    return text.replace("\r\n", line).replace("\n", line).replace("\r", line)


def _syslog(words: dict[str, Any]) -> str:
    priority = _LOG_AUDIT * 8 + (_WARNING if _grave(words["kind"]) else _NOTICE)
    kind = "".join(letter for letter in words["kind"] if "!" <= letter <= "~")[:32] or "-"
    return f"<{priority}>1 {words['time']} - belvedere - {kind} - {_json(words)}"


_WRITERS: dict[ExportFormat, Callable[[dict[str, Any]], str]] = {
    ExportFormat.JSON: _json,
    ExportFormat.CEF: _cef,
    ExportFormat.SYSLOG: _syslog,
}
