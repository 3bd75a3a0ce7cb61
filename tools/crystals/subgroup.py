"""Subgroup discovery: which few conditions pick out the candidates that pass.

Knows features and conditions. Must not know trials, goals or hypotheses; pure functions over numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Condition
from .feature import Value

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

MIN_MEMBERS = 4
"""Fewest rows inside, and outside to compare with."""
MIN_RATE = 0.6
MIN_SCORE = 0.2
"""Below it a group is not worth the trials that a test of it costs."""
Z = 1.96
"""Normal quantile of the lower bound: high, for thousands of groups are compared and small ones are lucky first."""
COST = 0.05
"""What each condition, and each label beyond the first, takes off the score: of equal claims the simpler one."""
MAX_LABELS = 12
"""Labels of a feature, the best ones alone, of which pairs are tried."""
MAX_SELECTORS = 200


@dataclass(frozen=True)
class Subgroup:
    """Conditions, and how those that meet them fared.

    Attributes:
        members: Which rows meet the conditions, `(n_rows,)`.
        inside: Rows inside that pass, and rows inside.
        outside: Likewise for the rest.
        score: Lower bound of the rate inside less the rate outside, less `COST` for its complexity.
    """

    conditions: tuple[Condition, ...]
    members: Mask
    inside: tuple[int, int]
    outside: tuple[int, int]
    score: float


def discover(rows: Sequence[Mapping[str, Value]], passed: Sequence[bool], top: int = 50) -> tuple[Subgroup, ...]:
    """Find conjunctions of at most two conditions whose members pass far more often than the rest.

    A condition is a bound at a rounded decile of a number, or one or two of the labels of a text.

    Args:
        rows: Features of each candidate.
        passed: Whether it passed, one for each row.
        top: How many to give at most.

    Returns:
        Best score first; of conditions that pick out the same rows, the first and simplest only.

    Source: Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.1080/01621459.1927.10502953 (lower bound of a rate).
    """
    label = np.array(passed, dtype=bool)
    if not rows or not label.any() or label.all():
        return ()
    selectors = _selectors(rows, label)
    if not selectors:
        return ()
    single = np.array([mask for _, mask in selectors])
    cost = COST * np.array([len(c.value) if isinstance(c.value, tuple) else 1 for c, _ in selectors])
    alone = _scores(single.sum(1), (single & label).sum(1), len(label), int(label.sum())) - cost
    best = np.argsort(-alone, kind="stable")[:MAX_SELECTORS]
    weights = single[best].astype(np.float32)
    both = _scores(
        (weights @ weights.T).astype(int), (weights * label @ weights.T).astype(int), len(label), int(label.sum())
    )
    firsts, seconds = np.triu_indices(len(best), k=1)
    found: list[tuple[tuple[int, ...], float]] = [
        ((int(i),), float(alone[i])) for i in np.flatnonzero(alone >= MIN_SCORE)
    ]
    pair_scores = both[firsts, seconds] - cost[best[firsts]] - cost[best[seconds]]
    promising = [at for at in np.argsort(-pair_scores, kind="stable")[: 20 * top] if pair_scores[at] >= MIN_SCORE]
    found += [((int(best[firsts[at]]), int(best[seconds[at]])), float(pair_scores[at])) for at in promising]
    found.sort(key=lambda item: (-item[1], len(item[0]), item[0]))
    return _distinct(found, selectors, label, top)


def _distinct(
    found: list[tuple[tuple[int, ...], float]], selectors: list[tuple[Condition, Mask]], label: Mask, top: int
) -> tuple[Subgroup, ...]:
    seen: set[bytes] = set()
    subgroups: list[Subgroup] = []
    for chosen, score in found:
        conditions = tuple(selectors[i][0] for i in chosen)
        if len({(c.feature, c.comparison) for c in conditions}) < len(conditions):
            continue
        members = np.logical_and.reduce([selectors[i][1] for i in chosen])
        if members.tobytes() in seen:
            continue
        seen.add(members.tobytes())
        k, n = int((members & label).sum()), int(members.sum())
        outside = (int(label.sum()) - k, len(label) - n)
        subgroups.append(Subgroup(conditions, members, (k, n), outside, score))
        if len(subgroups) == top:
            break
    return tuple(subgroups)


def _selectors(rows: Sequence[Mapping[str, Value]], label: Mask) -> list[tuple[Condition, Mask]]:
    """All single conditions with the rows that meet them, in a fixed order."""
    names = sorted({name for row in rows for name in row})
    selectors: list[tuple[Condition, Mask]] = []
    for name in names:
        column = [row.get(name) for row in rows]
        if any(isinstance(value, tuple) for value in column):
            selectors += _of_labels(name, column, label)
        else:
            selectors += _of_numbers(name, np.array([np.nan if v is None else v for v in column], dtype=float))
    return [(condition, mask) for condition, mask in selectors if mask.any() and not mask.all()]


def _of_numbers(name: str, column: Array) -> list[tuple[Condition, Mask]]:
    known = column[np.isfinite(column)]
    if not len(known):
        return []
    cuts = sorted({rounded(float(cut)) for cut in np.quantile(known, np.arange(1, 10) / 10)})
    with np.errstate(invalid="ignore"):
        low = [(Condition(feature=name, comparison="<=", value=cut), column <= cut) for cut in cuts]
        high = [(Condition(feature=name, comparison=">=", value=cut), column >= cut) for cut in cuts]
    return low + high


def _of_labels(name: str, column: Sequence[Value | None], label: Mask) -> list[tuple[Condition, Mask]]:
    texts = [set(value) if isinstance(value, tuple) else set() for value in column]
    masks = {text: np.array([text in own for own in texts]) for text in sorted(set().union(*texts))}
    excess = {text: float((mask & label).sum() - label.mean() * mask.sum()) for text, mask in masks.items()}
    ranked = sorted(masks, key=lambda text: (-excess[text], text))[:MAX_LABELS]
    sets = [(text,) for text in masks] + [tuple(sorted(pair)) for pair in combinations(ranked, 2)]
    return [
        (Condition(feature=name, comparison="any_of", value=texts), np.logical_or.reduce([masks[t] for t in texts]))
        for texts in sets
    ]


def _scores(n: NDArray[np.int_], k: NDArray[np.int_], n_all: int, k_all: int) -> Array:
    """Score of groups of `n` rows of which `k` pass, before costs; -inf where there is too little to go by."""
    size, rest = np.maximum(n, 1), np.maximum(n_all - n, 1)
    rate, rate_outside = k / size, (k_all - k) / rest
    centre = rate + Z**2 / (2 * size)
    spread = Z * np.sqrt(rate * (1 - rate) / size + Z**2 / (4 * size**2))
    lower = (centre - spread) / (1 + Z**2 / size)
    enough = (n >= MIN_MEMBERS) & (n_all - n >= MIN_MEMBERS) & (rate >= MIN_RATE)
    return np.asarray(np.where(enough, lower - rate_outside, -np.inf), dtype=float)


def rounded(value: float, digits: int = 2) -> float:
    """A number to some significant digits, so that it reads well in a claim."""
    return float(f"{value:.{digits}g}")
