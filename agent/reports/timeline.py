"""When each evaluation was at work, put on as few lanes as there were workers.

Knows finished trials. Must not know how it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...memory.state import Trial

_PAUSE = 60.0
# Processor time and wall time differ a little, so that neighbours on one worker may seem to overlap.
_OVERLAP = 0.1


@dataclass(frozen=True)
class Bar:
    """One evaluation: seconds since the first began, pauses not counted, and the lane it is on, from 0."""

    trial: Trial
    start: float
    end: float
    lane: int


def working_bars(trials: Sequence[Trial]) -> tuple[tuple[Bar, ...], tuple[float, ...]]:
    """Lay finished trials out in time.

    An evaluation is taken to have been at work for its processor time before its answer was written.

    Returns:
        Bars by their end, and the instants at which a pause of more than a minute was cut out; both empty where
        no processor time was recorded.
    """
    spans = sorted(
        (t.finished_at.timestamp(), t.outcome.cpu_seconds, t.number, t)
        for t in trials
        if t.finished_at and t.outcome and t.outcome.cpu_seconds > 0
    )
    if not spans:
        return (), ()
    first = min(end - seconds for end, seconds, _, _ in spans)
    bars: list[Bar] = []
    cuts: list[float] = []
    lanes: list[float] = []
    removed, busy_until = first, first
    for end, seconds, _, trial in spans:
        start = max(end - seconds, first)
        later = [e - s for e, s, _, _ in spans if e >= end]
        gap = min(later) - busy_until
        if gap > _PAUSE:
            removed += gap
            cuts.append(busy_until - removed + gap)
        busy_until = max(busy_until, end)
        start, stop = start - removed, end - removed
        free = (i for i, until in enumerate(lanes) if until <= start + _OVERLAP * seconds)
        lane = next(free, len(lanes))
        lanes[lane : lane + 1] = [stop]
        bars.append(Bar(trial, start, stop, lane))
    return tuple(bars), tuple(cuts)
