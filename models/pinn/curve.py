"""An unknown positive function of one argument: the exponential of a short Chebyshev series.

Knows torch and numpy. Must not know which equation the function stands in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROUGHNESS = 1.5
"""Power by which the prior deviation of a coefficient falls with its degree."""


@dataclass(frozen=True)
class UnknownCurve:
    """A function to be inferred, such as k(x) or D(c).

    Attributes:
        name: Of the parameter.
        argument: Name of a coordinate, or `u` for the field.
        low: Least argument that occurs.
        high: Greatest.
        start: The function's value before any data.
        terms: Coefficients of its series.
        spread: Prior standard deviation of its logarithm's first coefficients.
    """

    name: str
    argument: str
    low: float
    high: float
    start: float
    terms: int = 8
    spread: float = 1.0

    def at(self, coefficients: torch.Tensor) -> Curve:
        """The function with these coefficients, `(n_points, terms)` or `(terms,)`."""
        return Curve(self, coefficients)

    def prior(self) -> Array:
        """Standard deviation of each coefficient, `(terms,)`: high degrees are held small, so the curve is smooth."""
        degree = np.maximum(np.arange(self.terms), 1)
        return self.spread / degree**_ROUGHNESS


@dataclass(frozen=True)
class Curve:
    """`f(s) = start · exp(Σ a_j T_j(ξ))`, with ξ the argument taken from [low, high] to [−1, 1].

    Beyond the range, where a field may stray on the way to its solution, the logarithm goes on with the slope it has at
    the end, ever more slowly.
    """

    of: UnknownCurve
    coefficients: torch.Tensor

    @property
    def argument(self) -> str:
        """What it is a function of."""
        return self.of.argument

    def __call__(self, argument: torch.Tensor) -> torch.Tensor:
        """The value at each argument, `(n_points,)`."""
        values, _ = self._series(argument)
        return self.of.start * torch.exp(values)

    def slope(self, argument: torch.Tensor) -> torch.Tensor:
        """The derivative with respect to the argument, `(n_points,)`."""
        values, slopes = self._series(argument)
        return self.of.start * torch.exp(values) * slopes * (2 / (self.of.high - self.of.low))

    def _series(self, argument: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The series and its derivative with respect to ξ, by T' = n U and the recurrences of T and U."""
        whole = 2 * (argument - self.of.low) / (self.of.high - self.of.low) - 1
        xi = whole.clamp(-1.0, 1.0)
        beyond = whole - xi
        first, second = [torch.ones_like(xi), xi], [torch.ones_like(xi), 2 * xi]
        for _ in range(2, self.of.terms):
            first.append(2 * xi * first[-1] - first[-2])
            second.append(2 * xi * second[-1] - second[-2])
        slopes = [torch.zeros_like(xi), *((n + 1) * second[n] for n in range(self.of.terms - 1))]
        basis, rising = torch.stack(first[: self.of.terms], -1), torch.stack(slopes[: self.of.terms], -1)
        values, slope = (basis * self.coefficients).sum(-1), (rising * self.coefficients).sum(-1)
        slower = 1 + beyond.abs()
        return values + slope * beyond / slower, slope / slower**2
