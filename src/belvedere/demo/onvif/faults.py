"""What goes wrong with ONVIF in the field, switchable while the device runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceFaults:
    """Faults of one simulated device. The default is a device in good health.

    `clock_error_us`: its clock minus true time.
    `silent`: connections are accepted and nothing is answered.
    `hang_up`: each connection is closed after its first answer, unannounced.
    `http_digest`: log-in by HTTP digest; username tokens are not taken.
    `clock_behind_login`: GetSystemDateAndTime needs a log-in too.
    `foreign_host`: the host named in all addresses that it gives out; "" = its own.
    `old`: no GetServices and no Media 2, as firmware from before 2012.
    `bad_utf8`: names hold bytes that are no UTF-8.
    `broken_xml`: answers are cut in the middle.
    `entities`: answers begin with a document type that defines entities.
    `huge`: answers are padded beyond any sense.
    `endless`: an answer that never ends, a few bytes at a time.
    `fixed_life_s`: subscriptions live so long, whatever was asked for; 0 = as asked.
    `past_termination`: TerminationTime lies before CurrentTime.
    `event_clock_error_us`: added to CurrentTime in answers about subscriptions.
    `relative_refused`: only absolute termination times are understood.
    `renew_refused`: every renewal is declined.
    `pulls_at_once`: PullMessages does not wait.
    `chatter`: unknown topics, one of them about a face, come with every pull.
    `no_replay_times`: replayed packets carry no header extension.
    `replay_cut_after`: the replay connection is cut after so many pictures; 0 = never.
    `no_stop`: the Timeout of a movement is ignored.
    """

    clock_error_us: int = 0
    silent: bool = False
    hang_up: bool = False
    http_digest: bool = False
    clock_behind_login: bool = False
    foreign_host: str = ""
    old: bool = False
    bad_utf8: bool = False
    broken_xml: bool = False
    entities: bool = False
    huge: bool = False
    endless: bool = False
    fixed_life_s: int = 0
    past_termination: bool = False
    event_clock_error_us: int = 0
    relative_refused: bool = False
    renew_refused: bool = False
    pulls_at_once: bool = False
    chatter: bool = False
    no_replay_times: bool = False
    replay_cut_after: int = 0
    no_stop: bool = False


GOOD = DeviceFaults()
