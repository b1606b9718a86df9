"""What is missing, and why: the parts of a span that no clip covers."""

from collections.abc import Sequence
from itertools import pairwise

from belvedere.hub.evidence.manifest import Gap
from belvedere.link.messages import Run
from belvedere.media.stream import EndReason

SLACK_US = 1_000  # rounding of media time to microseconds; anything longer is a gap
_WORDS: dict[str, str] = {
    EndReason.CAMERA_CLOSED: "The camera ended the connection.",
    EndReason.CAMERA_UNREACHABLE: "The camera could not be reached.",
    EndReason.CAMERA_DENIED: "The camera refused the user name or password.",
    EndReason.CAMERA_SILENT: "The camera was connected but sent no picture.",
    EndReason.CAMERA_FROZEN: "The camera sent the very same picture again and again.",
    EndReason.CAMERA_PROTOCOL: "The camera sent something that is not video.",
    EndReason.TIMESTAMP_JUMP: "The camera's own time jumped; recording went on.",
    EndReason.PARAMETERS_CHANGED: "The camera's video settings changed; recording went on.",
    EndReason.CLOCK_CHANGED: "The recorder's clock was set; recording went on.",
    EndReason.RESTART: "The recorder was stopped or restarted.",
    EndReason.CRASH: "The recorder stopped unexpectedly.",
    EndReason.DISK_FULL: "The recorder's disk was full.",
    EndReason.DISK_FAULT: "The recorder's disk failed.",
    EndReason.REMOVED: "The camera had been removed or switched off.",
    EndReason.IMPORT_END: "The imported recording ended here.",
    EndReason.UNKNOWN: "The reason is not known.",
}
NOT_RECORDED = "not_recorded"
NOT_KEPT = "not_kept"
_OTHERS = {
    NOT_RECORDED: "Nothing was recorded before this camera's first footage here.",
    NOT_KEPT: "It was recorded, but could not be supplied: it is no longer kept, or its last second was still being written.",
}


def find_gaps(start_us: int, end_us: int, covered: Sequence[tuple[int, int]], runs: Sequence[Run]) -> tuple[Gap, ...]:
    """The parts of [start_us, end_us) outside the `covered` spans, in time order, each with its reason from the `runs`."""
    gaps = []
    at = start_us
    for first, last in [*sorted(covered), (end_us, end_us)]:
        until = min(first, end_us)
        if until - at > SLACK_US:
            gaps += _explained(at, until, runs)
        at = max(at, last)
    return tuple(gaps)


def _explained(start_us: int, end_us: int, runs: Sequence[Run]) -> list[Gap]:
    """One gap, cut where a run began or ended within it: each part has a reason of its own."""
    edges = {edge for run in runs for edge in (run.start_us, run.end_us) if start_us < edge < end_us}
    cuts = sorted({start_us, end_us} | edges)
    parts = [(first, last, _reason(first, last, runs)) for first, last in pairwise(cuts)]
    joined: list[tuple[int, int, str]] = []
    for first, last, reason in parts:
        if joined and (joined[-1][2] == reason or last - first <= SLACK_US):
            joined[-1] = (joined[-1][0], last, joined[-1][2])
        else:
            joined.append((first, last, reason))
    return [Gap(first, last, reason, _OTHERS.get(reason) or _WORDS[reason]) for first, last, reason in joined]


def _reason(start_us: int, end_us: int, runs: Sequence[Run]) -> str:
    middle = (start_us + end_us) // 2
    if any(run.start_us <= middle < run.end_us for run in runs):
        return NOT_KEPT
    before = [run for run in runs if run.end_us <= middle]
    if not before:
        return NOT_RECORDED
    reason = max(before, key=lambda run: run.end_us).end_reason
    return reason if reason in _WORDS else EndReason.UNKNOWN
