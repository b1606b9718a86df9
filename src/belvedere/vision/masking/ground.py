"""The slow background: what a camera shows when nobody is there, and what differs from it.

The background is the median of samples spread over up to an hour. What stands out from it becomes part of it only when
nothing of it has moved for half an hour: a car that was parked does, somebody who stands and shifts their weight does not.
Slow changes of light are followed where nothing differs.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.vision.masking.picture import Plane
from belvedere.vision.masking.samples import Samples
from belvedere.vision.masking.stirring import Stirring

LEARN_US = 60 * SECOND_US  # samples must span this before anything is shown
RELEARN_US = 20 * SECOND_US  # the same after the view has changed: somebody turned the camera, or lamps came on
FEWEST = 8  # samples
_LUMA, _COLOUR = 5, 3  # grey levels that make a difference, at the least
_LUMA_MOST, _COLOUR_MOST = 22, 12  # however restless a place is
_DRIFT = 0.03  # of the difference, once a second, where nothing stands
_AGAIN_US = MINUTE_US  # between two medians
_ANY = np.ones((1, 3), np.float32)
ELSEWHERE = 0.55  # of the picture differing at once is another view


class Ground:
    """One camera's background, at half size."""

    __slots__ = ("_drifted_us", "_limits", "_median_us", "_needed_us", "_samples", "_still", "_stirring")

    def __init__(self) -> None:
        self._samples: Samples[Plane] = Samples()
        self._stirring = Stirring()
        self._still: NDArray[np.float32] | None = None
        self._limits: Plane | None = None  # rows x columns x 3: difference that counts
        self._median_us = 0
        self._drifted_us = 0
        self._needed_us = LEARN_US

    @property
    def known(self) -> bool:
        """Whether there is a background to compare with."""
        return self._still is not None

    def recall(self, at_us: int, small: Plane) -> None:
        """A picture of before. In order of time, before the first `look`."""
        self._keep(at_us, small)

    def forget(self) -> None:
        """Another view: begin again, with pictures of now only."""
        self._samples.clear()
        self._still, self._limits, self._needed_us = None, None, RELEARN_US
        self._stirring.forget()

    def look(self, at_us: int, small: Plane) -> tuple[Plane, Plane] | None:
        """255 where the picture differs from the background, surely and perhaps; None while there is none yet."""
        self._keep(at_us, small)
        if self._still is None:
            if len(self._samples) < FEWEST or self._samples.span_us < self._needed_us:
                return None
            self._learn(at_us, None)
        found = self.differing(small)
        assert self._limits is not None
        self._stirring.look(at_us, small, self._limits)
        if at_us - self._median_us >= _AGAIN_US:
            self._learn(at_us, *self._stirring.settled(at_us, found[0]))
            return self.differing(small)
        return found

    def differing(self, small: Plane) -> tuple[Plane, Plane]:
        """As `look`, without learning. What perhaps differs counts beside what surely does."""
        assert self._still is not None
        assert self._limits is not None
        still = cv2.convertScaleAbs(self._still)
        # Light of the picture as a whole: clouds, and the camera's own exposure.
        shift = float(_middle(np.asarray(still, np.uint8)) - _middle(small))
        apart = cv2.absdiff(cv2.add(small, np.array([shift, 0.0, 0.0, 0.0])), still)
        surely = cv2.transform(cv2.compare(apart, self._limits, cv2.CMP_GT), _ANY)
        perhaps = cv2.transform(cv2.compare(cv2.add(apart, apart), self._limits, cv2.CMP_GT), _ANY)
        return np.asarray(surely, np.uint8), np.asarray(perhaps, np.uint8)

    def drift(self, at_us: int, small: Plane, covered: Plane) -> None:
        """Follow slow changes of light where nothing is covered. Once a second is enough; more is ignored."""
        if self._still is None or 0 <= at_us - self._drifted_us < SECOND_US:
            return
        self._drifted_us = at_us
        cv2.accumulateWeighted(small, self._still, _DRIFT, mask=cv2.bitwise_not(covered))

    def _keep(self, at_us: int, small: Plane) -> None:
        if self._samples.due(at_us):
            self._samples.add(at_us, small)

    def _learn(self, at_us: int, settled: Plane | None, busy: Plane | None = None) -> None:
        """Take the median anew: everywhere at first, later only where something stands that has settled. What is known of
        places that are `busy` stays as it was.
        """
        self._median_us = at_us
        stack = np.stack([sample for _, sample in self._samples])
        stack.sort(axis=0)
        count = len(stack)
        median = stack[count // 2].astype(np.float32)
        if self._still is None or settled is None:
            self._still = median
        else:
            where = settled > 0
            self._still[where] = median[where]
        # The middle quarter of the samples lies within this, whoever stood there for a third of the time; four times that
        # is what a restless place does by itself.
        spread = stack[(5 * count) // 8] - stack[(3 * count) // 8]
        lowest = np.array([_LUMA, _COLOUR, _COLOUR], np.uint8)
        highest = np.array([_LUMA_MOST, _COLOUR_MOST, _COLOUR_MOST], np.uint8)
        limits = np.clip(np.minimum(spread, 60) * 4, lowest, highest).astype(np.uint8)
        if busy is not None and self._limits is not None:
            limits[busy > 0] = self._limits[busy > 0]
        self._limits = limits


def _middle(small: Plane) -> int:
    """Median luma of some of the pixels."""
    return int(np.median(small[::4, ::4, 0]))
