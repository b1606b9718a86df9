"""Sound of one connection on its way to the recorder: fragments and runs of the stream `audio`, beside the pictures.

Its runs follow the rules of pictures (docs/design/packets.md), and a hole of a second ends one. A fault ends the sound of
this connection and nothing else.
"""

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.media.access_unit import Part
from belvedere.media.audio import AudioTrack, AudioUnit
from belvedere.media.fmp4 import fragment_head
from belvedere.media.mp4_audio import sound_config
from belvedere.media.rtsp_session import RtspSession
from belvedere.media.stream import TICKS_PER_SECOND, EndReason, Frame
from belvedere.media.timeline import Timeline
from belvedere.site.ingest.journal import log
from belvedere.site.ingest.messages import FragmentCame, RunEnd, RunStart, StreamState
from belvedere.site.ingest.recorder_link import RecorderGone, RecorderLink

SILENCE_US = 5 * SECOND_US
# A camera that failed when it was asked for sound is not asked again for so long.
SHUN_US = 10 * MINUTE_US
# How long the answer to the request for sound may take before the pictures go on without.
SETUP_US = 2 * SECOND_US
_FRAGMENT_90K = TICKS_PER_SECOND // 2
_FRAGMENT_UNITS = 512
_FRAGMENT_BYTES = 1 << 20
_HOLE_90K = TICKS_PER_SECOND
_CUTS = 4  # every fourth fragment is one at which playback may begin: two seconds, as usual with pictures


class SoundTeller:
    """Says how a stream of sound is, each thing once."""

    def __init__(self, stream: int, link: RecorderLink) -> None:
        self.stream = stream
        self._link = link
        self._told = ("", "")

    def tell(self, state: str, message: str) -> None:
        """`state` as in StreamState."""
        if (state, message) != self._told:
            self._told = state, message
            self._link.send(StreamState(stream=self.stream, state=state, message=message, reconnects=0))


class SoundWriter:
    """The runs of sound of one connection.

    Invariants: decode times of a run start at 0 and never decrease; every unit taken lies in exactly one fragment.
    """

    def __init__(self, track: AudioTrack, teller: SoundTeller, link: RecorderLink, monotonic_us: int) -> None:
        self.units = 0
        self.left_out = 0  # units that belong to no run: out of order, or while the recorder was behind
        self._track = track
        self._teller = teller
        self._link = link
        self._config = sound_config(track)
        self._running = False
        self._timeline = Timeline(track.clock_rate)
        self._pending: list[Frame] = []
        self._pending_bytes = 0
        self._end_90k = 0  # where the last unit ends
        self._fragment_from = 0  # where the fragment under way begins, at the earliest
        self._sequence = 0
        self._lost_told = 0
        self._lost = 0
        self._last_us = monotonic_us
        teller.tell("waiting", "The camera has sent no sound yet.")

    def add(self, units: list[AudioUnit], arrival_us: int, monotonic_us: int) -> None:
        """Takes what one read brought."""
        for unit in units:
            self._last_us = monotonic_us
            self._place(unit, arrival_us, monotonic_us)

    def attend(self, monotonic_us: int) -> None:
        """Ends the run when no sound comes any more. Call it a few times a second."""
        if self._running and monotonic_us - self._last_us > SILENCE_US:
            self.end(EndReason.CAMERA_SILENT, "The camera sent no sound for 5 s.")
            self._teller.tell("waiting", "The camera has sent no sound for 5 s.")

    def end(self, reason: EndReason, message: str) -> None:
        """Closes the fragment under way and ends the run, if one is open."""
        if self._running:
            self._close(self._end_90k)
        if self._running:
            self._running = False
            self._link.send(RunEnd(stream=self._teller.stream, reason=reason.value, message=message))

    def abandon(self) -> None:
        """Ends the run without the fragment under way, for when writing it failed."""
        self._pending, self._pending_bytes = [], 0
        self.end(EndReason.CAMERA_PROTOCOL, "The camera's sound could not be understood.")

    def _place(self, unit: AudioUnit, arrival_us: int, monotonic_us: int) -> None:
        at = self._timeline.place(unit.timestamp, monotonic_us) if self._running else None
        if self._running and (at is None or at - self._end_90k > _HOLE_90K):
            hole = at is not None
            self.end(
                EndReason.CAMERA_SILENT if hole else EndReason.TIMESTAMP_JUMP,
                "The camera sent no sound for a while." if hole else "The camera's time of sound jumped.",
            )
        if not self._running:
            if not self._begin(unit):
                self.left_out += 1
                return
            at = self._timeline.place(unit.timestamp, monotonic_us)
        pending = self._pending
        if at is None or (pending and at < pending[-1].dts_90k) or at < 0:
            self.left_out += 1
            return
        if pending and (
            at - pending[0].dts_90k >= _FRAGMENT_90K
            or len(pending) >= _FRAGMENT_UNITS
            or self._pending_bytes > _FRAGMENT_BYTES
        ):
            self._close(at)
            if not self._running:
                self.left_out += 1
                return
        # A time before the end of the last fragment is the rounding of somebody's clock.
        at = max(at, self._fragment_from)
        self._pending.append(Frame(unit.data, at, 0, True, arrival_us))
        self._pending_bytes += len(unit.data)
        self._end_90k = max(self._end_90k, at + unit.ticks * TICKS_PER_SECOND // self._track.clock_rate)
        self._lost = unit.lost_packets
        self.units += 1

    def _begin(self, unit: AudioUnit) -> bool:
        if not self._link.has_room:
            return False
        config = self._config
        self._timeline = Timeline(self._track.clock_rate)
        self._pending, self._pending_bytes = [], 0
        self._end_90k = self._fragment_from = self._sequence = 0
        self._lost = self._lost_told = unit.lost_packets  # lost between two runs: part of the gap
        self._running = True
        self._link.send(
            RunStart(
                stream=self._teller.stream,
                codec=config.codec.value,
                parameter_sets=config.parameter_sets,
                width=0,
                height=0,
                codec_string=config.codec_string,
                init=config.init,
                config_id=config.config_id,
            )
        )
        self._teller.tell("recording", f"Recording sound: {self._track.words}.")
        return True

    def _close(self, next_90k: int) -> None:
        """Sends the fragment under way, which ends at `next_90k`."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if not pending:
            return
        start_90k = pending[0].dts_90k
        next_90k = self._fragment_from = max(next_90k, pending[-1].dts_90k, start_90k + 1)
        message = FragmentCame(
            stream=self._teller.stream,
            start_90k=start_90k,
            duration_90k=next_90k - start_90k,
            frames=len(pending),
            keyframe=self._sequence % _CUTS == 0,
            arrival_us=pending[-1].arrival_us,
            lost_packets=self._lost - self._lost_told,
            data=b"",
        )
        self._sequence += 1
        parts: list[Part] = [fragment_head(pending, [len(unit.data) for unit in pending], next_90k, self._sequence)]
        parts += [unit.data for unit in pending]
        if self._link.send_fragment(message, parts):
            self._lost_told = self._lost
            return
        self.left_out += len(pending)
        self._running = False
        log.warning("recorder fell behind; sound left out", stream=self._teller.stream, units=self.left_out)
        text = "The recorder could not keep up; recording goes on when it has caught up."
        self._link.send(RunEnd(stream=self._teller.stream, reason=EndReason.UNKNOWN.value, message=text))


class Sound:
    """The sound of one camera's stream across its connections: asks for it, takes it, and keeps its faults from the pictures.

    `order_stream` is its handle at the recorder; with 0 nothing is asked for and every call here does nothing.
    """

    def __init__(self, order_stream: int, link: RecorderLink) -> None:
        self._teller = SoundTeller(order_stream, link) if order_stream else None
        self._link = link
        self._writer: SoundWriter | None = None
        self._answer_due_us = 0  # when the camera has to have answered; 0: nothing is asked
        self._shunned_until_us = 0
        self._given_up = False  # for this connection

    def wanted(self, now_us: int) -> bool:
        """Whether the connection that is being made is to ask for sound. `now_us` is monotonic."""
        self._given_up, self._answer_due_us = False, 0
        return self._teller is not None and now_us >= self._shunned_until_us

    def hurry(self, session: RtspSession, now_us: int) -> bool:
        """While the camera is talked to: pictures do not wait long for an answer about sound. Whether `session` went on without."""
        if not session.setting_sound:
            self._answer_due_us = 0
        elif not self._answer_due_us:
            self._answer_due_us = now_us + SETUP_US
        elif now_us >= self._answer_due_us:
            session.skip_sound("The camera does not answer the request for its sound.")
            return True
        return False

    def take(self, session: RtspSession, arrival_us: int, monotonic_us: int) -> None:
        """After each read: what came of sound. Raises nothing but RecorderGone."""
        teller = self._teller
        if teller is None or self._given_up:
            session.take_sound()
            return
        try:
            units = session.take_sound()
            if session.sound is not None:
                if self._writer is None and session.presentation is not None and session.presentation.audio is not None:
                    self._writer = SoundWriter(session.presentation.audio, teller, self._link, monotonic_us)
                if units and self._writer is not None:
                    self._writer.add(units, arrival_us, monotonic_us)
            elif session.no_sound:
                self._given_up = True
                teller.tell("refused", session.no_sound)
        except RecorderGone:
            raise
        except Exception as error:  # noqa: BLE001  no bug met by sound may cost a picture
            log.error("sound failed", stream=teller.stream, error=type(error).__name__, exc_info=error)
            self._given_up = True
            teller.tell(
                "waiting", "The camera's sound could not be understood. It is tried again with the next connection."
            )
            if self._writer is not None:
                self._writer.abandon()
                self._writer = None

    def refuse(self, why: str) -> None:
        """There will be no sound."""
        if self._teller is not None:
            self._teller.tell("refused", why)

    def attend(self, now_us: int) -> None:
        """A few times a second while pictures come."""
        if self._writer is not None:
            self._writer.attend(now_us)

    def end(
        self, reason: EndReason, message: str, session: RtspSession | None, now_us: int, *, had_pictures: bool
    ) -> None:
        """The connection is over. One that broke on the request for sound is tried without it for ten minutes."""
        if self._writer is not None:
            self._writer.end(reason, message)
            self._writer = None
        if self._teller is None:
            return
        if session is not None and session.asked_sound and not had_pictures:
            self._shunned_until_us = now_us + SHUN_US
        if now_us < self._shunned_until_us:
            self._teller.tell(
                "refused", "The camera failed when it was asked for sound; pictures are recorded without."
            )
        elif not self._given_up:
            self._teller.tell("connecting", "")
