"""Standard deviations of what was inferred, and whether the data tell it at all.

Knows fits and posed problems. Must not know features or solvers.

Laplace's approximation: with J the Jacobian of all weighted rows by the unknowns, the coefficients projected out, the
covariance of the unknowns is (JᵀJ + prior)⁻¹ at the minimum.
Source: D. J. C. MacKay, Neural Comput. 4, 448 (1992), doi:10.1162/neco.1992.4.3.448.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from .collocate import Weights
from .fit import Fit, explained
from .posed import Posed
from .solution import CurveEstimate, Estimate

Array = NDArray[np.float64]
_CURVE_POINTS = 101
_UNKNOWN, _TIED, _AT_BOUND, _INEXACT = 1.0, 0.999, 1e-3, 1e-3


def covariance(fit: Fit) -> Array:
    """Of `theta`, `(n_unknowns, n_unknowns)`; infinite on the diagonal where there is no information at all."""
    if len(fit.theta) == 0:
        return np.zeros((0, 0))
    size = np.sqrt(np.diag(fit.information))
    dark = size <= 1e-12 * max(float(size.max()), 1e-300)
    size[dark] = 1.0
    scaled = fit.information / np.outer(size, size)
    found: Array = np.linalg.pinv(scaled, rcond=1e-14, hermitian=True) / np.outer(size, size)
    found[dark, dark] = np.inf
    return found


def scalar_estimates(posed: Posed, fit: Fit) -> tuple[Estimate, ...]:
    """Values and deviations in the problem's units; of a logarithm's deviation the value times it is told."""
    if not posed.unknown:
        return ()
    p = posed.parameters(torch.as_tensor(fit.theta))
    spread = np.sqrt(np.diag(covariance(fit)))
    found = []
    for k, one in enumerate(posed.unknown):
        value = float(p[one.name])
        by = abs(value) if one.is_logarithmic else one.high - one.low
        found.append(Estimate(one.name, value, float(spread[k] * by)))
    return tuple(found)


def curve_estimates(posed: Posed, fit: Fit) -> tuple[CurveEstimate, ...]:
    """Inferred functions with their deviations along the argument."""
    if not posed.curves:
        return ()
    all_spread = covariance(fit)
    found, first = [], len(posed.unknown)
    for curve in posed.curves:
        part = slice(first, first + curve.terms)
        first += curve.terms
        argument = np.linspace(curve.low, curve.high, _CURVE_POINTS)
        leaf = torch.as_tensor(np.tile(fit.theta[part], (_CURVE_POINTS, 1))).requires_grad_()
        values = curve.at(leaf)(torch.as_tensor(argument))
        (slopes,) = torch.autograd.grad(values.sum(), leaf)
        rows = slopes.numpy()
        variance = np.einsum("ni,ij,nj->n", rows, all_spread[part, part], rows)
        found.append(CurveEstimate(curve.name, argument, values.detach().numpy(), np.sqrt(variance)))
    return tuple(found)


def doubts(posed: Posed, fit: Fit, weights: Weights) -> Iterator[str]:
    """What a reader of the estimates must know: not identified, tied to one another, at a bound, misfit."""
    if not fit.converged:
        yield "the search for the unknowns did not converge"
    low, high = posed.bounds()
    spread = covariance(fit)
    deviation = np.sqrt(np.diag(spread))
    for k, one in enumerate(posed.unknown):
        wide = _UNKNOWN if one.is_logarithmic else 0.3
        if not deviation[k] < wide:
            yield f"{one.name} cannot be identified from these data: its standard deviation is {_share(deviation[k])}"
        if min(fit.theta[k] - low[k], high[k] - fit.theta[k]) < _AT_BOUND * max(1.0, abs(fit.theta[k])):
            yield f"{one.name} ended at a bound of its range; its deviation does not hold there"
        for j in range(k):
            tie = spread[k, j] / (deviation[k] * deviation[j])
            if np.isfinite(tie) and abs(tie) > _TIED:
                other = posed.unknown[j].name
                yield f"{other} and {one.name} cannot be told apart: their errors correlate by {tie:.4f}"
    if weights.deviation is not None and posed.observations is not None:
        given = posed.observations.deviation
        last = fit.history[-1].data
        n = len(weights.deviation)
        if given is not None and not given.any():
            off = np.sqrt(last) * float(np.median(weights.deviation)) / posed.scale
            if off > _INEXACT:
                yield f"data that are said to be exact lie {off:.1e} of the field's size off (root mean square)"
        if given is not None and given.any() and n > 3 and last > explained(n):
            rms = np.sqrt(last)
            yield f"data lie {rms:.1f} deviations (root mean square) off: equation, conditions or deviations do not fit"


def _share(deviation: float) -> str:
    return "infinite" if not np.isfinite(deviation) else f"{deviation:.2g} of its own size"
