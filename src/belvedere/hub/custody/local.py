"""Custody from the command line: ceremony, rotation, recovery, drill. The hub may be running or not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import ColumnElement, Engine, and_, func, select

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BadInput, Conflict, LinkFault, NotFound, SealBroken
from belvedere.foundation.settings import Settings
from belvedere.hub.access.keys import signing_key
from belvedere.hub.custody.escrow import (
    Escrow,
    OpenShare,
    Stretch,
    decode_escrow,
    encode_escrow,
    make_escrow,
    make_sheet,
    random_passphrase,
    recover,
)
from belvedere.hub.custody.ledger import Ledger
from belvedere.hub.custody.tables import camera_day, camera_day_copy
from belvedere.hub.custody.vault import Vault, WrappingKey
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import NoteAct, noting
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.custody import (
    BREAK_GLASS,
    HUB,
    PAGE,
    Copies,
    CustodyState,
    GetCopies,
    NewCopies,
    NewCopy,
    PutCopies,
    SealedCopy,
    SignedWords,
    signed_bytes,
    write_words,
)
from belvedere.media.keybox import CameraDay, check_of, open_box
from belvedere.tlog.folder import write_durably

_DRILLED = 50  # newest camera-days that a drill opens, and as many of the newest held segments


class DrillResult(msgspec.Struct, frozen=True):
    """What a recovery drill found. `segments`: sealed files of which one frame, without a picture, was opened too."""

    at_us: int
    key: str
    holders: tuple[str, ...]
    camera_days: int
    opened: int
    segments: int
    held: int = 0  # of `opened`: keys of held segments, each opened on its own


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a ceremony made: to be printed, and then deleted from this machine."""

    escrow: Escrow
    sheets: tuple[str, ...]
    sealed_passphrase: str


@dataclass(frozen=True, slots=True)
class KeyState:
    """How the keys of an installation stand."""

    hub: WrappingKey | None
    break_glass: WrappingKey | None
    retired: tuple[WrappingKey, ...]
    camera_days: int
    drill: DrillResult | None


class KeyOffice:
    """Everything that a person at the hub's machine does with keys. Blocking."""

    def __init__(self, settings: Settings, engine: Engine, clock: Clock) -> None:
        self._settings = settings
        self.engine = engine
        self.clock = clock
        self.noting: NoteAct = noting(clock)
        self._folder = settings.hub_folder / "keys"
        self.vault = Vault(engine, self._folder / "wrapping", clock, self.noting)
        self.ledger = Ledger(engine, self.vault, clock)

    def note(self, kind: str, facts: dict[str, object]) -> None:
        """Have the hub enter an act in its log when it next runs."""
        with writing(self.engine) as connection:
            self.noting(connection, kind, facts)

    # Ceremony.

    def ceremony(
        self,
        officers: Sequence[str],
        third: str,
        passphrases: Sequence[str],
        *,
        renew: bool = False,
        stretch: Stretch | None = None,
        hand_out: Callable[[Ceremony], None],
    ) -> Ceremony:
        """Make the break-glass key, let `hand_out` write the sheets durably, then put the key in force.

        Raises Conflict when there is one, unless it is to be renewed. The order means that no footage is ever sealed for a
        key whose sheets were not written.
        """
        old = self.vault.current(BREAK_GLASS)
        if old is not None and not renew:
            raise Conflict(
                f"The key ceremony was held already: break-glass key {old.name}.",
                advice="To replace it, because an officer left or a share was lost, use --renew.",
            )
        if len(officers) != 2 or len(passphrases) != 2:
            raise BadInput("A ceremony needs two officers, each with a passphrase.", advice="Give two --officer.")
        escrow, shares = make_escrow([*officers, third], self.clock.now_us())
        sealed = random_passphrase()
        sheets = tuple(
            make_sheet(escrow, n, share, passphrase, stretch)
            for n, (share, passphrase) in enumerate(zip(shares, [*passphrases, sealed], strict=True))
        )
        made = Ceremony(escrow, sheets, sealed)
        hand_out(made)
        write_durably(self._folder / "escrow", encode_escrow(escrow))
        facts: dict[str, object] = {"key": escrow.name, "holders": list(escrow.holders)}
        if old is not None:
            facts["replaces"] = old.name
        self.vault.put_break_glass(escrow.public_key, "any two of " + ", ".join(escrow.holders), facts)
        return made

    def escrow(self) -> Escrow:
        """The escrow kept here. Raises NotFound before the ceremony."""
        try:
            return decode_escrow((self._folder / "escrow").read_bytes())
        except OSError as error:
            raise NotFound("No key ceremony was held here.", advice="Hold it: `belvedere keys ceremony`.") from error

    # Rotation.

    def rotate(self) -> WrappingKey:
        """A new wrapping key of the hub. The running hub seals live camera-days anew and then destroys the old key."""
        self.vault.sweep()
        return self.vault.renew()

    # Recovery.

    def open_escrow(self, escrow: Escrow, shares: Sequence[OpenShare]) -> bytes:
        """The break-glass private key. Raises BadInput unless there are two shares."""
        if len(shares) != 2:
            raise BadInput("Recovery takes two shares.", advice="Give --share twice.")
        return recover(escrow, shares[0], shares[1])

    def recover(self, escrow: Escrow, shares: Sequence[OpenShare]) -> tuple[int, int]:
        """Seal every camera-day that this hub can't open for its wrapping key again; returns (sealed anew, not opened).

        Copies come from the hub's own records and, where it runs, from the site. Done twice it changes nothing more.
        """
        private = self.open_escrow(escrow, shares)
        recipients = self.vault.recipients()
        signer = signing_key(self._settings)
        done = failed = 0
        for box, copies in self._glass_copies(escrow.name):
            fresh: list[NewCopy] = []
            for copy in copies:
                if self._opens_here(box, copy):
                    continue
                try:
                    key = open_box(copy.box, private, CameraDay(box, copy.camera, copy.day).info())
                except SealBroken:
                    failed += 1
                    continue
                if check_of(key) != copy.key_check:
                    failed += 1
                    continue
                fresh += self.ledger.seal_anew(box, copy.camera, copy.day, key, recipients)
                done += 1
            for at in range(0, len(fresh), PAGE):
                part = fresh[at : at + PAGE]
                text = write_words(NewCopies(box, tuple(part)))
                try:
                    with BlockingSiteLink(self._settings.link_socket) as link:
                        link.ask(PutCopies(SignedWords(text, signer.sign(signed_bytes(text)))), CustodyState)
                except LinkFault:
                    pass  # the hub's own copies do; the site hears of it at their next exchange
                self.ledger.keep_anew(box, part, recipients)
        holders = [escrow.holders[share.number] for share in shares]
        facts: dict[str, object] = {"key": escrow.name, "holders": holders, "camera_days": done, "not_opened": failed}
        self.note("key.recovered", facts)
        return done, failed

    def _glass_copies(self, recipient: str) -> Iterator[tuple[str, list[SealedCopy]]]:
        """Copies for a break-glass key by box: those kept here, and those that the running site has and the hub has not."""
        known: dict[str, dict[tuple[str, int], SealedCopy]] = {}
        with reading(self.engine) as connection:
            for row in connection.execute(
                select(camera_day_copy, camera_day.c.key_check)
                .join(camera_day, _same_day())
                .where(camera_day_copy.c.recipient == recipient)
            ):
                copy = SealedCopy(row.camera, row.day, row.recipient, row.sealed, row.key_check)
                known.setdefault(row.box, {})[row.camera, row.day] = copy
        try:
            with BlockingSiteLink(self._settings.link_socket) as link:
                box, camera, day = self._present_box(), "", 0
                while box:
                    page = link.ask(GetCopies(recipient, camera, day), Copies).copies
                    for copy in page:
                        known.setdefault(box, {}).setdefault((copy.camera, copy.day), copy)
                    if len(page) < PAGE:
                        break
                    camera, day = page[-1].camera, page[-1].day
        except LinkFault:
            pass
        for box, copies in known.items():
            yield box, list(copies.values())

    def _present_box(self) -> str:
        boxes = [box for box in self.ledger.boxes(self._settings.site.id) if box.lost_us is None]
        return boxes[0].id if boxes else ""

    def _opens_here(self, box: str, copy: SealedCopy) -> bool:
        with reading(self.engine) as connection:
            names = connection.scalars(
                select(camera_day_copy.c.recipient).where(
                    camera_day_copy.c.box == box,
                    camera_day_copy.c.camera == copy.camera,
                    camera_day_copy.c.day == copy.day,
                )
            ).all()
        return any(self.vault.has(name) for name in names)

    # Drill.

    def drill(
        self, escrow: Escrow, shares: Sequence[OpenShare], open_segment: Callable[[str, str, int, bytes], bool]
    ) -> DrillResult:
        """Prove that two shares open the newest camera-days, and keep the dated result. Nothing else is changed.

        `open_segment(box, camera, day, key)`: whether a sealed file of that camera-day opens with the key; it decrypts a
        frame that holds no picture. Raises NotFound when there is nothing to open yet, SealBroken when something does not.
        """
        private = self.open_escrow(escrow, shares)
        query = (
            select(camera_day_copy, camera_day.c.key_check)
            .join(camera_day, _same_day())
            .where(camera_day_copy.c.recipient == escrow.name)
            .limit(_DRILLED)
        )
        day = camera_day_copy.c.day  # below zero: a held segment
        with reading(self.engine) as connection:
            rows = [
                *connection.execute(query.where(day >= 0).order_by(day.desc(), camera_day_copy.c.camera)),
                *connection.execute(query.where(day < 0).order_by(day)),
            ]
        if not rows:
            raise NotFound("No camera-day is sealed for this key yet.", advice="Run hub and site for a minute first.")
        opened = segments = 0
        for row in rows:
            key = open_box(row.sealed, private, CameraDay(row.box, row.camera, row.day).info())
            if check_of(key) != row.key_check:
                raise SealBroken("The officers' key opens another key than that of the day.", advice="Tell the DPO.")
            opened += 1
            segments += open_segment(row.box, row.camera, row.day, key)
        holders = tuple(escrow.holders[share.number] for share in shares)
        held = sum(row.day < 0 for row in rows)
        result = DrillResult(self.clock.now_us(), escrow.name, holders, len(rows) - held, opened, segments, held)
        write_durably(self._folder / "drill.json", msgspec.json.encode(result, order="sorted"))
        facts: dict[str, object] = {
            "key": escrow.name,
            "holders": list(holders),
            "camera_days": opened - held,
            "held_segments": held,
        }
        self.note("key.drill", facts)
        return result

    def state(self) -> KeyState:
        """How the keys stand."""
        keys = self.vault.keys()
        with reading(self.engine) as connection:
            days = connection.scalar(select(func.count()).select_from(camera_day).where(camera_day.c.day >= 0)) or 0
        return KeyState(
            self.vault.current(HUB),
            self.vault.current(BREAK_GLASS),
            tuple(key for key in keys if key.retired_us is not None and key.destroyed_us is None),
            days,
            read_drill(self._folder / "drill.json"),
        )


def read_drill(path: Path) -> DrillResult | None:
    """The result of the last drill; None when there was none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=DrillResult)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _same_day() -> ColumnElement[bool]:
    return and_(
        camera_day.c.box == camera_day_copy.c.box,
        camera_day.c.camera == camera_day_copy.c.camera,
        camera_day.c.day == camera_day_copy.c.day,
    )


@contextmanager
def key_office(settings: Settings, clock: Clock | None = None) -> Iterator[KeyOffice]:
    """The key office of a data folder."""
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        yield KeyOffice(settings, engine, clock or SystemClock())
    finally:
        engine.dispose()
