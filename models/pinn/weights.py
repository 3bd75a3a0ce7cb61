"""The weight λ of the residual against the data, from the noise level.

Knows posed problems. Must not know how they are solved.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .collocate import Weights
from .posed import Posed

_STRICTNESS = 100.0
"""A residual of one part in this many of the noise costs as much as data one deviation away."""
_GUESS, _EXACT = 0.01, 1e-6


def weigh(posed: Posed, weight: float | None) -> Weights:
    """Weights by the data's deviations: λ = (100 U/σ)², with U the field's scale and σ the median deviation.

    Exact data without unknowns, and none at all, weigh as much as the residual: λ = 1. Where the conditions determine
    the field once the unknowns are known, the limit of a large λ is taken, unless λ is given: data then bend no field,
    they tell the unknowns only.
    """
    if posed.observations is None:
        return Weights(1.0 if weight is None else weight, None)
    given = posed.observations.deviation
    # What is unknown is sought as if exact data had noise that the misfit tells: a scale of its own has no meaning.
    is_guessed = given is None or (posed.n_unknowns > 0 and not given.any())
    n = len(posed.observations.values)
    if given is None or is_guessed:
        given = np.full(n, _GUESS * posed.scale)
    if not given.any():
        return Weights(1.0 if weight is None else weight, np.full(n, posed.scale))
    least = given[given > 0].min()
    deviation = np.where(given > 0, given, 1e-3 * least)
    is_reduced = posed.is_complete and posed.n_unknowns > 0 and weight is None
    strict = (_STRICTNESS * posed.scale / float(np.median(deviation))) ** 2
    return Weights(strict if weight is None else weight, deviation, is_reduced, is_guessed)


def with_noise_of(posed: Posed, guess: Weights, data_mse: float, weight: float | None) -> Weights:
    """Weights with the deviation that the misfit of a first fit shows: σ² = N/(N − n) · MSE of N data, n unknowns."""
    assert guess.deviation is not None  # noqa: S101 - only data have a guessed deviation
    n = len(guess.deviation)
    degrees = max(1, n - posed.n_unknowns)
    told = guess.deviation * max(float(np.sqrt(data_mse * n / degrees)), _EXACT)
    ratio = (_STRICTNESS * posed.scale / float(np.median(told))) ** 2 if weight is None else weight
    return replace(guess, residual=ratio, deviation=told, is_guessed=False)
