"""How often one address is answered: a bucket an address, a bounded number of buckets."""

from collections import OrderedDict

from belvedere.foundation.clock import SECOND_US

MOST_ADDRESSES = 4096
BURST = 8
PACE_US = SECOND_US  # one answer a second in the long run; a camera asks every minute or less


class RateLimit:
    """Invariants: no address is let through more than BURST times at once nor, over any time, more often than once per PACE_US
    beyond that; at most MOST_ADDRESSES are remembered, the one not seen for longest goes first."""

    def __init__(self) -> None:
        self._empty_us: OrderedDict[str, int] = OrderedDict()  # when each address's bucket will be full again

    def allows(self, address: str, now_us: int) -> bool:
        """Whether `address` is answered now. `now_us` is monotonic."""
        full_us = max(self._empty_us.pop(address, now_us), now_us)
        allowed = full_us - now_us <= (BURST - 1) * PACE_US
        self._empty_us[address] = full_us + PACE_US if allowed else full_us
        if len(self._empty_us) > MOST_ADDRESSES:
            self._empty_us.popitem(last=False)
        return allowed
