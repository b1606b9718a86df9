"""What a recorder or a camera's card holds (ONVIF Profile G): recording search and replay addresses."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import CameraProtocol
from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.markup import Node, quoted, shown
from belvedere.site.onvif.pinning import pinned_stream
from belvedere.site.onvif.times import parse_time

_MOST_RECORDINGS = 1000
_ROUNDS = 50  # of results; a search that never completes ends here
_PATIENCE_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording. Times in microseconds by the device's own clock; None where it does not tell."""

    token: str
    name: str
    earliest_us: int | None
    latest_us: int | None
    video: bool
    open: bool  # still being recorded


async def list_recordings(device: Device, clock: Clock) -> list[Recording]:
    """All recordings, by the search service. Raises CameraFault."""
    scope = "<r:Scope/><r:KeepAliveTime>PT30S</r:KeepAliveTime>"
    reply = await device.ask(soap.SEARCH, "FindRecordings", scope)
    token = f"<r:SearchToken>{quoted(reply.value('SearchToken'))}</r:SearchToken>"
    found: dict[str, Recording] = {}
    until_us = clock.monotonic_us() + _PATIENCE_US
    wait = "<r:MinResults>1</r:MinResults><r:MaxResults>100</r:MaxResults><r:WaitTime>PT5S</r:WaitTime>"
    for _ in range(_ROUNDS):
        results = await device.ask(soap.SEARCH, "GetRecordingSearchResults", token + wait)
        for node in results.all("RecordingInformation"):
            recording = read_recording(node)
            if recording is not None and len(found) < _MOST_RECORDINGS:
                found[recording.token] = recording
        if results.value("SearchState") == "Completed" or clock.monotonic_us() > until_us:
            break
    try:
        await device.ask(soap.SEARCH, "EndSearch", token)
    except CameraProtocol:
        pass  # a completed search is gone already on some recorders
    return list(found.values())


def read_recording(node: Node) -> Recording | None:
    """One RecordingInformation; None when it has no token."""
    token = node.value("RecordingToken")[:64]
    if not token:
        return None
    tracks = node.all("Track")
    source = node.find("Source")
    name = shown(source.value("Name") or source.value("SourceId")) if source else ""
    from_us = [_time(track.value("DataFrom")) for track in tracks]
    to_us = [_time(track.value("DataTo")) for track in tracks]
    return Recording(
        token=token,
        name=name or shown(node.value("Content")),
        earliest_us=_time(node.value("EarliestRecording")) or min(filter(None, from_us), default=None),
        latest_us=_time(node.value("LatestRecording")) or max(filter(None, to_us), default=None),
        video=not tracks or any(track.value("TrackType") == "Video" for track in tracks),
        open=node.value("RecordingStatus") == "Recording",
    )


def _time(text: str) -> int | None:
    try:
        return parse_time(text)
    except CameraProtocol:
        return None


async def replay_address(device: Device, recording: str) -> str:
    """The RTSP address to replay a recording from, on the device's own host. Raises CameraFault."""
    reply = await device.ask(
        soap.REPLAY,
        "GetReplayUri",
        "<r:StreamSetup><t:Stream>RTP-Unicast</t:Stream><t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport>"
        f"</r:StreamSetup><r:RecordingToken>{quoted(recording)}</r:RecordingToken>",
    )
    address, moved = pinned_stream(reply.value("Uri"), device.home)
    device.moved = device.moved or moved
    return address
