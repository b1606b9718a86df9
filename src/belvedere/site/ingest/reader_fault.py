"""What ends a reader's work, in plain words. FFmpeg's own text is never passed on, for it may repeat what a camera sent."""

import errno
from http.client import HTTPException

import av

from belvedere.foundation.errors import CameraFault

_FRAMINGS = {"udp": "an MPEG transport stream"}


class ReaderFault(CameraFault):
    """What ended the reading. `why` as in reader_pipe.Ended."""

    def __init__(self, why: str, message: str, advice: str) -> None:
        super().__init__(message, advice=advice)
        self.why = why


def unreachable(place: str, why: str) -> ReaderFault:
    return ReaderFault("unreachable", f"No answer from {place}: {why}.", "Check the address and the network.")


def closed(place: str) -> ReaderFault:
    return ReaderFault(
        "closed", f"The camera at {place} ended the stream.", "Check that the stream is switched on in it."
    )


def explain(error: Exception, scheme: str, place: str, *, opened: bool) -> ReaderFault:
    """The fault that an error of FFmpeg or of a socket stands for. `opened`: the stream was being read already."""
    if isinstance(error, av.ExitError | TimeoutError):
        silent = f"{place} sends no picture."
        return ReaderFault("unreachable", silent, "Check the camera.") if opened else unreachable(place, "timed out")
    if isinstance(error, ConnectionError):
        return ReaderFault("unreachable", f"The connection to {place} was lost.", "Check the network.")
    if opened:
        return closed(place)
    broke_off = isinstance(error, OSError) and error.errno == errno.EIO
    strange = (av.InvalidDataError, av.EOFError, ValueError, av.UndefinedError, HTTPException)
    if broke_off or isinstance(error, strange):
        what = _FRAMINGS.get(scheme, "MPEG-TS, FLV or fragmented MP4")
        return ReaderFault("protocol", f"What {place} sends is not {what}.", "Check the path of the address.")
    return unreachable(place, "no route")
