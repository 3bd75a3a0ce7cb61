"""How far a search may go from the best it has found: farther while that pays, less far while it does not.

Knows nothing of crystals, models or scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LENGTH, LONGEST, SHORTEST = 0.8, 1.6, 0.5**7
SUCCESSES, FAILURES = 10, 32


@dataclass(frozen=True)
class TrustRegion:
    """Size of the region, and what it was lately good for.

    Sizes and limits: Maus et al., NeurIPS 2022, arXiv:2201.11872 (LOL-BO).

    Attributes:
        length: Without unit, between `SHORTEST` and `LONGEST`.
        successes: Batches in a row that found something better.
        failures: Evaluations in a row that found nothing better.
        restarts: How often it shrank to nothing and began anew.
    """

    length: float = LENGTH
    successes: int = 0
    failures: int = 0
    restarts: int = 0

    def told(self, is_better: bool, n: int) -> TrustRegion:
        """The region after a batch of n evaluations: doubled after 10 better ones in a row, halved after 32 failures.

        One that would become shorter than `SHORTEST` begins anew.
        """
        successes = self.successes + 1 if is_better else 0
        failures = 0 if is_better else self.failures + n
        if successes >= SUCCESSES:
            return replace(self, length=min(2 * self.length, LONGEST), successes=0, failures=0)
        if failures < FAILURES:
            return replace(self, successes=successes, failures=failures)
        if self.length / 2 < SHORTEST:
            return TrustRegion(restarts=self.restarts + 1)
        return replace(self, length=self.length / 2, successes=0, failures=0)
