"""Pull points of the simulated device (ONVIF Core 9, WS-BaseNotification 1.3)."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.clock import SECOND_US, Clock

TOPICS = {
    "motion": ("tns1:RuleEngine/CellMotionDetector/Motion", "VideoSourceConfigurationToken", "source-1", "IsMotion"),
    "tamper": ("tns1:VideoSource/GlobalSceneChange/ImagingService", "Source", "source-1", "State"),
    "input": ("tns1:Device/Trigger/DigitalInput", "InputToken", "input-1", "LogicalState"),
}
_DURATION = re.compile(r"PT(\d+)S")


def stamp(us: int) -> str:
    """`us` as xs:dateTime."""
    seconds, micros = divmod(us, SECOND_US)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{micros // 1000:03d}Z"


@dataclass(slots=True)
class Subscription:
    """One pull point; it dies at `ends_us` (by the device's clock)."""

    number: int
    ends_us: int
    waiting: list[str] = field(default_factory=list)
    renewals: int = 0


class Fault(Exception):
    """Answered as a SOAP fault. `code` is the subcode."""

    def __init__(self, code: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.status = status


class Subscriptions:
    """All pull points and the state of the device's sensors."""

    def __init__(self, clock: Clock) -> None:
        self.faults = DeviceFaults()
        self.made = 0
        self.renewed = 0
        self.pulls = 0
        self.live: dict[int, Subscription] = {}
        self._clock = clock
        self._states = {name: False for name in TOPICS}
        self._came = asyncio.Event()

    def now_us(self) -> int:
        """The device's clock."""
        return self._clock.now_us() + self.faults.clock_error_us

    def set_state(self, name: str, active: bool) -> None:
        """A sensor changes; every pull point hears of it."""
        self._states[name] = active
        for each in self.live.values():
            each.waiting.append(self._message(name, "Changed"))
        self._came.set()

    def forget_all(self) -> None:
        """As a device that restarted."""
        self.live.clear()
        self._came.set()

    def subscribe(self, wanted: str) -> Subscription:
        self.made += 1
        made = Subscription(self.made, self._end(wanted or "PT60S"))
        made.waiting = [self._message(name, "Initialized") for name in TOPICS]
        self.live[made.number] = made
        return made

    def renew(self, number: int, wanted: str) -> Subscription:
        each = self.get(number)
        if self.faults.renew_refused:
            raise Fault("UnacceptableTerminationTime", "Renewal is not possible")
        each.ends_us = self._end(wanted)
        each.renewals += 1
        self.renewed += 1
        return each

    def get(self, number: int) -> Subscription:
        """The pull point, if it still lives."""
        for old in [n for n, each in self.live.items() if each.ends_us <= self.now_us()]:
            del self.live[old]
        if number not in self.live:
            raise Fault("ResourceUnknown", "No such subscription")
        return self.live[number]

    async def pull(self, number: int, timeout_s: float, limit: int) -> list[str]:
        """Messages that wait, or that come within the time."""
        self.pulls += 1
        each = self.get(number)
        if self.faults.chatter:
            each.waiting += [_CHATTER, _FACE]
        if not each.waiting and not self.faults.pulls_at_once:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), timeout_s)
            except TimeoutError:
                pass
            self.get(number)
        taken, each.waiting = each.waiting[:limit], each.waiting[limit:]
        return taken

    def times(self, each: Subscription) -> str:
        """CurrentTime and TerminationTime as the device writes them."""
        ends_us = self.now_us() - SECOND_US if self.faults.past_termination else each.ends_us
        now = stamp(self.now_us() + self.faults.event_clock_error_us)
        return f"<n:CurrentTime>{now}</n:CurrentTime><n:TerminationTime>{stamp(ends_us)}</n:TerminationTime>"

    def _end(self, wanted: str) -> int:
        relative = _DURATION.fullmatch(wanted)
        if relative is not None:
            if self.faults.relative_refused:
                raise Fault("UnacceptableInitialTerminationTime", "A duration is not understood")
            life_us = int(relative[1]) * SECOND_US
        else:
            moment = datetime.fromisoformat(wanted)
            life_us = int(moment.timestamp() * SECOND_US) - self.now_us()
        return self.now_us() + (self.faults.fixed_life_s * SECOND_US or life_us)

    def _message(self, name: str, operation: str) -> str:
        topic, key, source, state = TOPICS[name]
        return (
            '<n:NotificationMessage><n:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
            f'{topic}</n:Topic><n:Message><t:Message UtcTime="{stamp(self.now_us())}" PropertyOperation="{operation}">'
            f'<t:Source><t:SimpleItem Name="{key}" Value="{source}"/></t:Source>'
            f'<t:Data><t:SimpleItem Name="{state}" Value="{str(self._states[name]).lower()}"/></t:Data>'
            "</t:Message></n:Message></n:NotificationMessage>"
        )


_CHATTER = (
    "<n:NotificationMessage><n:Topic>tns1:Monitoring/ProcessorUsage</n:Topic><n:Message>"
    '<t:Message UtcTime="2026-01-01T00:00:00Z"><t:Data><t:SimpleItem Name="Value" Value="12"/></t:Data></t:Message>'
    "</n:Message></n:NotificationMessage>"
)
_FACE = (
    "<n:NotificationMessage><n:Topic>tns1:RuleEngine/Recognition/Face</n:Topic><n:Message>"
    '<t:Message UtcTime="2026-01-01T00:00:00Z"><t:Data><t:SimpleItem Name="Likelihood" Value="0.9"/>'
    '<t:SimpleItem Name="State" Value="true"/></t:Data></t:Message></n:Message></n:NotificationMessage>'
)
