"""RTP over RTSP's TCP connection: whole reads in, access units out (RFC 2326 10.12, 3550, 6184, 7798).

A read of 64 KiB holds some fifty packets, so the walk is a slice per packet. What arrived intact is kept: after a
lost packet the NAL unit that it belonged to is dropped, whole NAL units beside it stay, and the access units on both
sides of the loss are marked `damaged`. The rules for quirks of cameras stand in docs/design/packets.md.
"""

from struct import Struct

from belvedere.foundation.errors import CameraProtocol
from belvedere.media.access_unit import (
    ACCESS_UNIT_BYTES,
    H264_AUD,
    H264_SEI,
    H265_VPS,
    UNIT_HEAD_264,
    UNIT_HEAD_265,
    UNIT_LENGTH,
    AccessUnit,
    UnitAssembly,
)
from belvedere.media.nal import H264Nal, H265Nal
from belvedere.media.rtsp import begins_message, message_end
from belvedere.media.stream import Codec

# Bytes that are neither RTP nor RTSP before the connection is given up.
GARBAGE_BYTES = 256 << 10
# A sequence number this little behind is a packet sent twice; further behind, the camera began anew.
_DUPLICATES = 64
# Text messages and RTCP packets kept for the owner between two reads.
_MOST_MESSAGES = 64

# '$' and channel, length, V/P/X/CC and M/PT, sequence, timestamp, SSRC; the payload's first three bytes.
_USUAL = Struct(">HHHHIIBBB")
# The same up to the sequence number, as one; all of the payload's first bytes that a fragmentation unit has; its data.
_LIKE_264 = ">Q8xH{}s"
_LIKE_265 = ">Q7xI{}s"
_MOST_SHAPES = 32  # packet sizes that a camera uses inside a unit: one or two
_RTP = Struct(">BBHII")  # V/P/X/CC, M/PT, sequence, timestamp, SSRC
# Plain integers: an enum's member costs a look-up each time, and these are compared some hundred times a second.
_STAP_A, _FU_A = int(H264Nal.STAP_A), int(H264Nal.FU_A)
_AP, _FU = int(H265Nal.AGGREGATION), int(H265Nal.FRAGMENTATION)


class Depacketizer(UnitAssembly):
    """One video track on one connection. Feed it every byte that comes after PLAY was asked for.

    After `feed`, take what lies in `messages` (whole RTSP texts) and `reports` (RTCP packets), and clear both.
    """

    def __init__(self, codec: Codec, payload_type: int, channel: int = 0, report_channel: int = 1) -> None:
        super().__init__(codec)
        self.channel = channel
        self.report_channel = report_channel
        self.messages: list[bytes] = []
        self.reports: list[bytes] = []
        # Channels of other tracks, and what came on them since their owner took it: at most what one read holds.
        self.beside: dict[int, list[bytes]] = {}
        self.packets = 0
        self.ignored_packets = 0
        self.garbage_bytes = 0
        self.ssrc = 0
        self._payload_type = payload_type
        # How to recognise a fragmentation unit by its first byte, and where its header and data begin in the packet.
        self._mask, self._code, self._header_at = (0x7E, 49 << 1, 2) if self._hevc else (0x1F, 28, 1)
        # NAL units whose masked type is lower came whole.
        self._aggregate_code = 48 << 1 if self._hevc else 24
        self._shapes: dict[int, Struct] = {}  # by length of the packet with its interleaving header
        self._tail = b""
        self._strangers = 0
        self._garbage_run = 0
        self._want = -1  # next sequence number; -1: none yet
        self._cycles = 0
        self._highest = 0

    @property
    def highest_sequence(self) -> int:
        """Highest sequence number received, with its cycles above 16 bits."""
        return self._cycles << 16 | self._highest

    def feed(self, data: bytes) -> list[AccessUnit]:
        """Access units that `data` completed. Raises CameraProtocol when the bytes can't be a stream any more."""
        units: list[AccessUnit] = []
        tail, pos = self._tail, 0
        if tail:
            # Only the packet that the last read cut is put together, not the whole of this one.
            missing = 4 + (tail[2] << 8 | tail[3]) - len(tail) if len(tail) >= 4 and tail[0] == 0x24 else 0
            if 0 < missing < len(data):
                cut = tail + data[:missing]
                tail, pos = cut[self._walk(cut, 0, units) :], missing
            if tail:
                data, pos = tail + data[pos:], 0
        self._tail = data[self._walk(data, pos, units) :]
        if self._size > ACCESS_UNIT_BYTES or len(self._parts) > 65_536:
            raise CameraProtocol(
                f"The camera sent a picture of more than {ACCESS_UNIT_BYTES >> 20} MiB.",
                advice="Lower its resolution or bit rate, or update its firmware.",
            )
        return units

    def _walk(self, data: bytes, pos: int, units: list[AccessUnit]) -> int:
        """Takes items until one is not complete; where that begins."""
        end = len(data)
        while pos < end:
            pos = self._usual(data, pos, end, units)
            if pos >= end:
                break
            following = self._item(data, pos, end, units)
            if following < 0:
                break
            pos = following
        return pos

    def _usual(self, data: bytes, pos: int, end: int, units: list[AccessUnit]) -> int:
        """The hot path: whole NAL units and fragments that come in order, until something else comes; where that begins.

        It does what `_item` and all below it do, with few calls. With the next sequence number and neither start nor end
        bit a packet belongs to the unit that is open (RFC 6184 5.8), so its timestamp and source need no look.
        """
        want = self._want
        if want < 0:
            return pos
        begun = want
        view = memoryview(data)
        unpack, parts = _USUAL.unpack_from, self._parts
        append = parts.append
        size, opened, timestamp, ssrc = self._size, self._open, self._timestamp, self.ssrc
        hevc, mask, code, aggregate = self._hevc, self._mask, self._code, self._aggregate_code
        pictures = H265_VPS if hevc else H264_SEI
        shapes = self._shapes
        mark, plain = 0x2400 | self.channel, 0x8000 | self._payload_type
        marked = plain | 0x80
        data_at = 17 + self._header_at
        shortest = data_at - 3
        last = end - data_at - 1
        while pos <= last:
            on, length, what, sequence, stamp, source, payload, second, third = unpack(data, pos)
            following = pos + 4 + length
            if sequence != want & 0xFFFF or on != mark or following > end or length < shortest:
                break
            header = third if hevc else second
            if payload & mask == code:
                if source != ssrc or (what != plain and what != marked):
                    break
                begins = header & 0xC0 == 0x80 and opened < 0 and what == plain and (stamp == timestamp or not parts)
                if begins or (opened >= 0 and what == plain and not header & 0xC0):
                    if begins:
                        self._timestamp = timestamp = stamp
                        opened = len(parts)
                        self._open_size = size
                        append(b"")
                    # A camera cuts a NAL unit into packets of one size: while only the sequence number goes up, all is as here.
                    stride = following - pos
                    shape = shapes.get(stride) or self._learn_shape(stride, data_at)
                    alikes = shape.iter_unpack(view[pos : end - (end - pos) % stride])
                    first, alike, body = next(alikes)
                    append(body)
                    alike &= ~0x80
                    expected = first
                    for head, other, body in alikes:
                        expected += 1
                        if head != expected or other != alike:
                            break
                        append(body)
                    else:
                        expected += 1
                    taken = expected - first
                    want += taken
                    pos += taken * stride
                    size += taken * (stride - data_at)
                    continue
                kind = header & 63 if hevc else header & 31
                if header & 0xC0 != 0x40 or opened < 0 or stamp != timestamp or kind >= pictures:
                    break
                append(data[pos + data_at : following])
                size += following - pos - data_at
                length = size - self._open_size
                if hevc:
                    unit_header = (payload & 0x81 | kind << 1) << 8 | second
                    parts[opened] = UNIT_HEAD_265.pack(length + 2, unit_header)
                    size += 6
                else:
                    parts[opened] = UNIT_HEAD_264.pack(length + 1, payload & 0xE0 | kind)
                    size += 5
                self._note_picture(kind, parts[opened + 1][0])
                opened = -1
            else:
                if (
                    opened >= 0
                    or not payload & mask
                    or payload & mask >= aggregate
                    or source != ssrc
                    or (what != plain and what != marked)
                    or (stamp != timestamp and parts)
                ):
                    break
                self._timestamp = timestamp = stamp
                unit = data[pos + 16 : following]
                kind = payload & 31
                if not hevc and (kind == H264_AUD or (kind == H264_SEI and unit.find(b"\6", 1) < 0)):
                    append(UNIT_LENGTH.pack(length - 12))  # nothing in it that `_add` would look for
                    append(unit)
                    size += length - 8
                else:
                    self._size, self._open = size, -1
                    self._add(unit)
                    size = self._size
            want += 1
            pos = following
            if what == marked and self._trusts_markers:
                self._size, self._open = size, opened
                self._end_unit(units)
                parts = self._parts
                append = parts.append
                size, opened = self._size, self._open
        if want != begun:
            self._size, self._open = size, opened
            self._want = want & 0xFFFF
            self.packets += want - begun
            highest = (self._cycles << 16 | self._highest) + want - begun
            self._cycles, self._highest = highest >> 16, highest & 0xFFFF
            self._garbage_run = 0
        return pos

    def _learn_shape(self, stride: int, data_at: int) -> Struct:
        """How to take packets of `stride` bytes apart: what must go up by one, what must stay, the data."""
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        shape = Struct((_LIKE_265 if self._hevc else _LIKE_264).format(stride - data_at))
        self._shapes[stride] = shape
        return shape

    def _item(self, data: bytes, pos: int, end: int, units: list[AccessUnit]) -> int:
        """One interleaved packet, text message or stretch of garbage at `pos`; where the next begins, -1: not complete."""
        if data[pos] != 0x24:
            return self._text(data, pos, end)
        if end - pos < 5:
            return -1
        channel = data[pos + 1]
        if channel in self.beside:
            return self._beside(data, pos, end, self.beside[channel])
        # RTP and RTCP are both version 2, so that a '$' inside garbage is told from a packet's.
        if data[pos + 4] >> 6 != 2:
            if data[pos + 2] | data[pos + 3]:
                return self._garbage(data, pos, end)
            return pos + 4
        following = pos + 4 + (data[pos + 2] << 8 | data[pos + 3])
        if following > end:
            return -1
        if channel == self.channel:
            self._packet(data, pos + 4, following, units)
        elif channel == self.report_channel:
            if len(self.reports) < _MOST_MESSAGES:
                self.reports.append(data[pos + 4 : following])
        elif not self.packets and following - pos >= 16 and data[pos + 5] & 0x7F == self._payload_type:
            self.channel, self.report_channel = channel, channel + 1  # not the channel that the camera had promised
            self._packet(data, pos + 4, following, units)
        else:
            self.ignored_packets += 1
        return following

    def _beside(self, data: bytes, pos: int, end: int, packets: list[bytes]) -> int:
        """A packet of another track on this connection, whatever is in it, for its owner; -1: not complete."""
        following = pos + 4 + (data[pos + 2] << 8 | data[pos + 3])
        if following > end:
            return -1
        if data[pos + 4] >> 6 != 2 and following < end and data[following] not in b"$R":
            return self._garbage(data, pos, end)  # nothing follows that could: this was no packet
        packets.append(data[pos + 4 : following])
        if not self.packets:
            self._garbage_run = 0  # where this is all that is taken, it is what garbage is counted between
        return following

    def _text(self, data: bytes, pos: int, end: int) -> int:
        if data[pos] in b"\r\n":
            return pos + 1
        if begins_message(data[pos : pos + 14]):
            following = message_end(data, pos)
            if following >= 0 and len(self.messages) < _MOST_MESSAGES:
                self.messages.append(data[pos:following])
            return following
        return self._garbage(data, pos, end)

    def _garbage(self, data: bytes, pos: int, end: int) -> int:
        """Steps over bytes that are nothing, to the next place that may be a packet or a reply."""
        start = pos
        pos += 1
        while True:
            pos = data.find(b"$", pos)
            if pos < 0 or pos + 5 > end:
                break
            on = data[pos + 1]
            if (on in (self.channel, self.report_channel) or on in self.beside) and data[pos + 4] >> 6 == 2:
                break
            pos += 1
        pos = end if pos < 0 else pos
        reply = data.find(b"RTSP/1.", start + 1, pos)
        if reply >= 0:
            pos = reply
        self.garbage_bytes += pos - start
        self._garbage_run += pos - start
        if self._garbage_run > GARBAGE_BYTES:
            raise CameraProtocol(
                "The camera sends bytes that are not video.", advice="Restart it or update its firmware."
            )
        self._lose()
        return pos

    def _packet(self, data: bytes, at: int, end: int, units: list[AccessUnit]) -> None:
        """One RTP packet, data[at:end] (RFC 3550 5.1)."""
        if end - at < 13:
            self.ignored_packets += 1
            return
        first, kind, sequence, timestamp, source = _RTP.unpack_from(data, at)
        start = at + 12
        if first != 0x80:
            start += 4 * (first & 15)
            if first & 0x10:
                if start + 4 > end:
                    self.ignored_packets += 1
                    return
                start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
            if first & 0x20:
                end -= data[end - 1]
        if kind & 0x7F != self._payload_type and not self._adopts(kind & 0x7F):
            self.ignored_packets += 1
            return
        lost = False
        if source != self.ssrc:
            lost = self._want >= 0
            self._want, self.ssrc = sequence, source
        if sequence != self._want and self._want >= 0:
            missing = (sequence - self._want) & 0xFFFF
            if missing >= 0x1_0000 - _DUPLICATES:
                self.ignored_packets += 1
                return
            # A sequence that begins anew tells that something is missing, not how much.
            self.lost_packets += missing if missing < 0x8000 else 1
            lost = True
        self._want = (sequence + 1) & 0xFFFF
        if sequence < self._highest and self._highest - sequence > 0x8000:
            self._cycles += 1
        self._highest = sequence
        self.packets += 1
        self._garbage_run = 0
        if lost:
            self._lose()
        if timestamp != self._timestamp:
            self._end_unit(units)
            self._timestamp = timestamp
            self._damaged |= lost
        if start < end:
            self._payload(data, start, end)
        if kind & 0x80 and self._trusts_markers:
            self._end_unit(units)

    def _adopts(self, payload_type: int) -> bool:
        """Whether the stream's payload type is not the described one after all: fifty packets of another came first."""
        if self.packets or payload_type < 96:
            return False
        self._strangers += 1
        if self._strangers < 50:
            return False
        self._payload_type = payload_type
        return True

    def _payload(self, data: bytes, start: int, end: int) -> None:
        if self._hevc:
            kind = (data[start] >> 1) & 63
            if kind == _FU:
                if end - start > 3:
                    header = data[start + 2]
                    unit_header = (data[start] & 0x81 | (header & 63) << 1) << 8 | data[start + 1]
                    self._fragment(data, start + 3, end, header, unit_header)
            elif kind == _AP:
                self._aggregate(data, start + 2, end)
            elif kind < _AP:
                self._add(data[start:end])
            return
        kind = data[start] & 31
        if kind == _FU_A:
            if end - start > 2:
                header = data[start + 1]
                self._fragment(data, start + 2, end, header, data[start] & 0xE0 | header & 31)
        elif kind == _STAP_A:
            self._aggregate(data, start + 1, end)
        elif 0 < kind < _STAP_A:
            self._add(data[start:end])

    def _aggregate(self, data: bytes, pos: int, end: int) -> None:
        while pos + 2 < end:
            following = pos + 2 + (data[pos] << 8 | data[pos + 1])
            if following > end:
                self._damaged = True
                return
            self._add(data[pos + 2 : following])
            pos = following
