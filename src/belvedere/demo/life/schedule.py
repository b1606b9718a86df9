"""A set of tracks, indexed by time, so that any instant can be asked for by any process."""

from collections.abc import Iterable

from belvedere.demo.life.track import Track
from belvedere.demo.scene import ActorState

_BUCKET_S = 30.0


class Life:
    """Who is where, at any second. Pure: the same question always has the same answer.

    With `period_s` the life is a loop: a track may run past the end and goes on at the start. None is longer than the period.
    """

    def __init__(self, tracks: Iterable[Track], period_s: float | None = None) -> None:
        self.tracks: tuple[Track, ...] = tuple(sorted(tracks, key=lambda track: (track.start_s, track.id)))
        self.period_s = period_s
        self._buckets: dict[int, list[Track]] = {}
        for track in self.tracks:
            if period_s is not None:
                if track.end_s - track.start_s > period_s + 1e-6:
                    raise ValueError(f"{track.id} takes {track.end_s - track.start_s:.1f} s, longer than the loop")
                continue
            for bucket in range(int(track.start_s // _BUCKET_S), int(track.end_s // _BUCKET_S) + 1):
                self._buckets.setdefault(bucket, []).append(track)

    def actors_at(self, t: float) -> tuple[ActorState, ...]:
        """Everybody who is there at second `t`, in a fixed order."""
        if self.period_s is None:
            states = (track.state(t) for track in self._buckets.get(int(t // _BUCKET_S), ()))
        else:
            # The remainder of times such as 120.1 would otherwise differ in the last digits from that of 0.1.
            at = round(t % self.period_s, 6)
            states = (
                track.state(track.start_s + round((at - track.start_s) % self.period_s, 6)) for track in self.tracks
            )
        return tuple(state for state in states if state is not None)

    def between(self, start_s: float, end_s: float) -> tuple[Track, ...]:
        """The tracks under way at any time from `start_s` to `end_s`."""
        return tuple(track for track in self.tracks if track.start_s < end_s and track.end_s > start_s)
