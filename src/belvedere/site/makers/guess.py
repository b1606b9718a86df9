"""Trying proposed addresses on a camera, one after another and slowly, so that no account is locked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.errors import CameraDenied, CameraFault, CameraUnreachable, UnsupportedCodec
from belvedere.site.ingest.probe import ProbeReport, probe
from belvedere.site.makers.catalogue import Make, Proposal

PACE_S = 2.0
"""Between two tries. Cameras lock an account after five to seven wrong passwords; a wrong path counts as none."""


class Outcome(StrEnum):
    ANSWERED = "answered"
    ABSENT = "absent"  # it speaks RTSP, but has no such stream
    DENIED = "denied"  # user name or password: nothing more is tried
    AWAY = "away"  # nobody answers at this host and port: nothing more is tried


@dataclass(frozen=True, slots=True)
class Try:
    """What came of one address. `report` is there when it answered with pictures that we can read."""

    make: Make
    stream: str  # main or sub
    url: str
    outcome: Outcome
    message: str
    report: ProbeReport | None = None


Probe = Callable[[str, str, str], ProbeReport]


def _probe(url: str, username: str, password: str) -> ProbeReport:
    return probe(url, username, password, 1.0)


def attempt(
    proposals: Sequence[Proposal],
    username: str,
    password: str,
    *,
    wait: Callable[[float], object],
    pace_s: float = PACE_S,
    every: bool = False,
    look: Probe = _probe,
) -> Iterator[Try]:
    """Try proposals in order: each main stream and, where that answered, its sub stream. Blocks; `wait` sleeps seconds.

    Ends at the first refused password and when the host does not answer; unless `every`, also after the first pair that
    answered. So no account is tried with a wrong password twice.
    """
    first = True
    for proposal in proposals:
        for stream, url in (("main", proposal.main_url), ("sub", proposal.sub_url)):
            if not url:
                continue
            if not first:
                wait(pace_s)
            first = False
            done = _one(proposal.make, stream, url, username, password, look)
            yield done
            if done.outcome in (Outcome.DENIED, Outcome.AWAY):
                return
            if stream == "main" and done.outcome is not Outcome.ANSWERED:
                break
        else:
            if not every:
                return


def _one(make: Make, stream: str, url: str, username: str, password: str, look: Probe) -> Try:
    try:
        report = look(url, username, password)
    except CameraDenied as error:
        return Try(make, stream, url, Outcome.DENIED, error.message)
    except CameraUnreachable as error:
        return Try(make, stream, url, Outcome.AWAY, str(error))
    except UnsupportedCodec as error:
        return Try(make, stream, url, Outcome.ANSWERED, error.message)
    except CameraFault as error:
        return Try(make, stream, url, Outcome.ABSENT, error.message)
    words = f"{report.codec} {report.width} x {report.height}, {report.fps:.0f} a second"
    return Try(make, stream, url, Outcome.ANSWERED, words, report)
