"""Figures of a generator: shares with their intervals, and distances between distributions.

Knows statistics. Must not know crystals.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_QUANTILE = 1.959963984540054
"""Of the normal distribution, for 95 % between two sides."""


@dataclass(frozen=True)
class Figure:
    """One number about a generator.

    Attributes:
        name: As in a table: `novel`.
        value: A share of 0 to 1, or a number in the unit; None where there was nothing to compute it from.
        n: Samples that it was computed over.
        unit: "1" for shares and plain numbers.
        lower: Lower end of the 95 % interval of a share.
        upper: Its upper end.
        note: What has to be known about it.
    """

    name: str
    value: float | None
    n: int
    unit: str = "1"
    lower: float | None = None
    upper: float | None = None
    note: str = ""

    @property
    def is_share(self) -> bool:
        """Whether it is a share of samples, with an interval."""
        return self.lower is not None


def share(name: str, verdicts: Iterable[bool], note: str = "") -> Figure:
    """The share of samples of which something holds, with its 95 % interval; none without samples."""
    held = list(verdicts)
    if not held:
        return Figure(name, None, 0, note=note)
    lower, upper = wilson(sum(held), len(held))
    return Figure(name, sum(held) / len(held), len(held), lower=lower, upper=upper, note=note)


def wilson(count: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of which `count` in `n` were seen.

    Source: Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.1080/01621459.1927.10502953.
    """
    rate, z2 = count / n, _QUANTILE**2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _QUANTILE / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def divergence(some: Sequence[Hashable], others: Sequence[Hashable]) -> float | None:
    """Jensen-Shannon divergence of the frequencies of labels, 0 (the same) to 1 bit; None without labels.

    Source: Lin, IEEE Trans. Inf. Theory 37, 145 (1991), doi:10.1109/18.61115.
    """
    if not (some and others):
        return None
    number = {label: k for k, label in enumerate(dict.fromkeys((*some, *others)))}
    one, other = (
        np.bincount([number[label] for label in labels], minlength=len(number)) / len(labels)
        for labels in (some, others)
    )
    return max(0.0, _entropy((one + other) / 2) - (_entropy(one) + _entropy(other)) / 2)


def earth_movers(some: Array, others: Array) -> float | None:
    """Wasserstein distance of two samples `(n,)` and `(m,)` of a number, in its unit; None without numbers."""
    from scipy.stats import wasserstein_distance

    some, others = some[np.isfinite(some)], others[np.isfinite(others)]
    return float(wasserstein_distance(some, others)) if len(some) and len(others) else None


def _entropy(shares: Array) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())
