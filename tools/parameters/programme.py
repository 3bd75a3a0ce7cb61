"""A space as a mixed-integer linear programme: whether it holds a point at all, and the one nearest to a guess.

Knows leaves, constraints and scipy's solver. Must not know sampling, nor what a point is wanted for.

A leaf's value is a linear form over the programme's columns: one column for a number, one binary column for each value
of an ordinal, a category or an integer that others depend on, and a binary column for the presence of a part. Whether
a leaf is there is a form too: the sum of the binaries whose values meet its condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .constraints import LinearConstraint
from .leaves import Leaf, Value
from .variables import Categorical, Composition, Integer, Ordinal

Array = NDArray[np.float64]
Form = dict[int, float]
"""Column to coefficient."""


@dataclass
class _Programme:
    """Columns and rows as they are gathered."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    rows: list[Form] = field(default_factory=list)
    row_low: list[float] = field(default_factory=list)
    row_high: list[float] = field(default_factory=list)

    def column(self, low: float, high: float, whole: bool = False, cost: float = 0.0) -> int:
        """Add a column and give its number."""
        self.low.append(low)
        self.high.append(high)
        self.whole.append(int(whole))
        self.cost.append(cost)
        return len(self.low) - 1

    def row(self, form: Form, low: float, high: float) -> None:
        """Add `low <= form <= high`."""
        self.rows.append(form)
        self.row_low.append(low)
        self.row_high.append(high)

    def solve(self) -> Array | None:
        """The columns' values at least cost; None where nothing is feasible."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        entries = [(i, j, v) for i, form in enumerate(self.rows) for j, v in form.items()]
        constraints = []
        if entries:
            i, j, v = zip(*entries, strict=True)
            matrix = coo_array((v, (i, j)), shape=(len(self.rows), len(self.low))).tocsc()
            constraints = [LinearConstraint(matrix, self.row_low, self.row_high)]
        found = milp(self.cost, integrality=self.whole, bounds=Bounds(self.low, self.high), constraints=constraints)
        return None if found.x is None else np.asarray(found.x)


@dataclass(frozen=True)
class _Placed:
    """Where a leaf is in the programme.

    Attributes:
        value: Its number, 0 where it is left out.
        active: One where it is there; None where it always is.
        binaries: Value to column.
        presence: Column that says whether a part is there; None where that does not matter.
    """

    leaf: Leaf
    value: Form
    active: Form | None
    binaries: Mapping[Value, int]
    presence: int | None = None


def feasible_values(
    leaves: Sequence[Leaf],
    constraints: Sequence[LinearConstraint],
    guess: Mapping[str, Value] | None = None,
    fixed: Mapping[str, Value] | None = None,
) -> dict[str, Value] | None:
    """Values that keep everything up to the solver's tolerance of 1e-6, nearest to a guess.

    Near means the sum over the leaves of the distance as a share of the range, and 1 for another label.

    Args:
        guess: Numbers and labels wanted; any may be missing.
        fixed: Values that leaves have wherever they are there.

    Returns:
        None where nothing is feasible.
    """
    programme, placed = _place(leaves, fixed or {})
    for constraint in constraints:
        form: Form = {}
        for name, coefficient in constraint.terms.items():
            _add(form, placed[name].value, coefficient)
        low = -np.inf if constraint.comparison == "<=" else constraint.bound
        high = np.inf if constraint.comparison == ">=" else constraint.bound
        programme.row(form, low, high)
    for name, wanted in (guess or {}).items():
        if name in placed:
            _draw_near(programme, placed[name], wanted)
    columns = programme.solve()
    return None if columns is None else _read(placed, columns)


def _place(leaves: Sequence[Leaf], fixed: Mapping[str, Value]) -> tuple[_Programme, dict[str, _Placed]]:
    programme, placed = _Programme(), dict[str, _Placed]()
    parents = {leaf.when.variable for leaf in leaves if leaf.when}
    for leaf in leaves:
        active: Form | None = None
        if leaf.when:
            binaries = placed[leaf.when.variable].binaries
            active = {column: 1.0 for value, column in binaries.items() if leaf.when.holds(value)}
        placed[leaf.name] = found = _place_leaf(programme, leaf, active, leaf.name in parents)
        _fix(programme, found, fixed)
    for composition in dict.fromkeys(leaf.source for leaf in leaves if isinstance(leaf.source, Composition)):
        _sum_up(programme, composition, placed)
    return programme, placed


def _place_leaf(programme: _Programme, leaf: Leaf, active: Form | None, is_parent: bool) -> _Placed:
    source = leaf.source
    if isinstance(source, Ordinal | Categorical) or (isinstance(source, Integer) and is_parent):
        binaries = {value: programme.column(0, 1, whole=True) for value in leaf.choices}
        chosen = dict.fromkeys(binaries.values(), 1.0)
        _equal(programme, chosen, active)
        value = {c: v for v, c in binaries.items() if not isinstance(v, str)}
        return _Placed(leaf, value, active, binaries)
    low, high = (leaf.low, leaf.high) if active is None else (min(leaf.low, 0.0), max(leaf.high, 0.0))
    column = programme.column(low, high, whole=isinstance(source, Integer))
    if isinstance(source, Composition):
        presence = programme.column(0, 1, whole=True) if source.is_sparse else None
        if presence is not None:
            programme.row({column: 1.0, presence: -source.minimum}, 0, np.inf)
            programme.row({column: 1.0, presence: -source.total}, -np.inf, 0)
        return _Placed(leaf, {column: 1.0}, active, {}, presence)
    if active is not None:
        programme.row({column: 1.0} | {c: -leaf.low * a for c, a in active.items()}, 0, np.inf)
        programme.row({column: 1.0} | {c: -leaf.high * a for c, a in active.items()}, -np.inf, 0)
    return _Placed(leaf, {column: 1.0}, active, {})


def _fix(programme: _Programme, found: _Placed, fixed: Mapping[str, Value]) -> None:
    if found.leaf.name not in fixed:
        return
    value = fixed[found.leaf.name]
    if found.binaries:
        for choice, column in found.binaries.items():
            if choice != value:
                programme.high[column] = 0
    else:
        _equal(programme, dict(found.value), found.active, float(value))


def _equal(programme: _Programme, form: Form, active: Form | None, value: float = 1.0) -> None:
    """Let a form be a value where a leaf is there, and zero where it is not."""
    if active is None:
        programme.row(form, value, value)
    else:
        _add(form, active, -value)
        programme.row(form, 0, 0)


def _sum_up(programme: _Programme, composition: Composition, placed: Mapping[str, _Placed]) -> None:
    parts = [placed[name] for name in composition.parts]
    whole: Form = {}
    for part in parts:
        _add(whole, part.value, 1.0)
    _equal(programme, whole, parts[0].active, composition.total)
    if composition.at_most is not None and composition.is_sparse:
        present = {part.presence: 1.0 for part in parts if part.presence is not None}
        programme.row(present, 0, composition.at_most)


def _draw_near(programme: _Programme, found: _Placed, wanted: Value) -> None:
    span = found.leaf.high - found.leaf.low
    if found.binaries:
        for value, column in found.binaries.items():
            far = value != wanted
            if not isinstance(value, str) and not isinstance(wanted, str):
                programme.cost[column] += abs(value - wanted) / span
            else:
                programme.cost[column] += float(far)
    elif not isinstance(wanted, str):
        distance = programme.column(0, np.inf, cost=1 / span)
        for sign in (1.0, -1.0):
            form: Form = {distance: 1.0}
            _add(form, found.value, sign)
            if found.active is None:
                programme.row(form, sign * wanted, np.inf)
            else:
                _add(form, found.active, -sign * wanted)
                programme.row(form, 0, np.inf)


def _read(placed: Mapping[str, _Placed], columns: Array) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, found in placed.items():
        if found.active is not None and sum(columns[c] for c in found.active) < 0.5:
            continue
        if found.binaries:
            values[name] = max(found.binaries, key=lambda value: columns[found.binaries[value]])
        elif found.presence is not None and columns[found.presence] < 0.5:
            values[name] = 0.0
        else:
            number = float(sum(columns[c] * v for c, v in found.value.items()))
            values[name] = float(round(number)) if isinstance(found.leaf.source, Integer) else number
    return values


def _add(form: Form, other: Form, factor: float) -> None:
    for column, value in other.items():
        form[column] = form.get(column, 0.0) + factor * value
