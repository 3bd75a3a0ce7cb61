"""One dense least-squares problem in float64 by a QR decomposition with column pivoting.

Knows numpy and scipy. Must not know where the rows come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

Array = NDArray[np.float64]
_RELATIVE_RANK = 1e-15


@dataclass(frozen=True)
class Factored:
    """`A D P = Q R`, cut at the numerical rank; D scales columns to length one.

    Attributes:
        q: `(n_rows, rank)`.
        r: `(rank, rank)`.
        columns: Pivoted columns, `(rank,)`.
        lengths: Of all columns, `(n_columns,)`.
    """

    q: Array
    r: Array
    columns: NDArray[np.int64]
    lengths: Array

    def solve(self, right: Array) -> Array:
        """Coefficients of least squares, `(n_columns,)` or `(n_columns, n_right)`; those beyond the rank are zero."""
        found = np.zeros((len(self.lengths), *right.shape[1:]))
        found[self.columns] = solve_triangular(self.r, self.q.T @ right)
        answer: Array = (found.T / self.lengths).T
        return answer

    def rest(self, right: Array) -> Array:
        """What no combination of the columns reaches, `(n_rows,)` or `(n_rows, n_right)`; taken off twice."""
        once = right - self.q @ (self.q.T @ right)
        return once - self.q @ (self.q.T @ once)


def factor(matrix: Array, cut: float = _RELATIVE_RANK) -> Factored:
    """Decompose a matrix `(n_rows, n_columns)`; pivots below `cut` times the first are left out."""
    lengths = np.linalg.norm(matrix, axis=0)
    lengths[lengths == 0] = 1.0
    q, r, columns = qr(matrix / lengths, mode="economic", pivoting=True, check_finite=False)
    size = np.abs(np.diag(r))
    rank = max(1, int((size > cut * size[0]).sum()))
    return Factored(q[:, :rank], r[:rank, :rank], columns[:rank], lengths)
