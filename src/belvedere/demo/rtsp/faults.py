"""What can go wrong with a camera, switchable while it runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults of one simulated camera. The default is a camera in good health.

    `drop_every`: every Nth RTP packet is not sent (its sequence number is used up); 0 = none.
    `frozen`: the session stays open and no media is sent.
    `silent`: connections are accepted and nothing is ever answered.
    `garbage_every`: before every Nth access unit 64 bytes that are no packet are sent; 0 = none.
    `cut_every`: the connection is closed in the middle of every Nth access unit; 0 = never.
    `jitter_ms`: each access unit waits up to this long more (deterministic pattern), order kept.
    `jump_90k`: added to RTP timestamps from the moment it is set.
    `clock_error_us`: the camera's own clock minus true time, in sender reports.
    `deny`: every user name and password is refused.
    `status`: PLAY is answered with this RTSP status instead of 200; 0 = as usual.
    """

    drop_every: int = 0
    frozen: bool = False
    silent: bool = False
    garbage_every: int = 0
    cut_every: int = 0
    jitter_ms: int = 0
    jump_90k: int = 0
    clock_error_us: int = 0
    deny: bool = False
    status: int = 0


HEALTHY = Faults()
