"""From atoms in a cell to occupied Wyckoff positions, the same for every choice of cell, origin and order of atoms.

Knows moyopy and Wyckoff tables. Must not know networks.

What is arbitrary is settled by trying all that is equivalent: the operations of the Euclidean normaliser, and the
shifts along polar axes that bring an orbit to zero. The description that sorts first is taken.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from moyopy import Cell, MoyoDataset
from numpy.typing import NDArray
from pymatgen.core import Element

from .tables import Site, are_one, images, operations, polar_axes, sites
from .wyckoff_crystal import Orbit, WyckoffCrystal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Array = NDArray[np.float64]

SYMPREC = 0.1
_REFINED = 1e-3
_DECIMALS = 4
_LAST_PLACED = 103
"""Atomic number of lawrencium, the last element that has a Mendeleev number."""
_Map = tuple[Array, Array]
_Key = tuple[tuple[int, int, tuple[float, ...]], ...]


def describe(lattice: Array, positions: Array, numbers: Sequence[int], symprec: float = SYMPREC) -> WyckoffCrystal:
    """Find the occupied Wyckoff positions of a crystal.

    Args:
        lattice: Lattice vectors as rows, `(3, 3)` in Å.
        positions: Fractional coordinates, `(n_atoms, 3)`.
        numbers: Atomic numbers, `(n_atoms,)`.
        symprec: Tolerance in Å within which atoms count as equivalent.

    Raises:
        ValueError: No symmetry is found, an atom lies on no Wyckoff position of the group that was found, or an
            element is heavier than lawrencium.
    """
    given = Cell(np.asarray(lattice).tolist(), np.asarray(positions).tolist(), [int(z) for z in numbers])
    try:
        found = MoyoDataset(given, symprec=symprec)
        # A refined cell is looked at again: only then do the normaliser's operations fit it to the last digit.
        refined = MoyoDataset(found.std_cell, symprec=_REFINED)
        if refined.number != found.number:
            refined = found
        normaliser = refined.normalizer_wyckoff_positions()
    except Exception as error:  # moyopy has a kind of its own for each way to fail
        raise ValueError(f"no symmetry is found within {symprec} Å: {error}") from error
    group = refined.number
    steps = [(np.array(u.linear), np.array(u.origin_shift)) for u, _ in normaliser.coset_representatives]
    within = [(np.array(u.linear), np.array(u.origin_shift)) for u in normaliser.stabilizer]
    cell = refined.std_cell
    points, kinds = _orbits(group, np.array(cell.positions), np.array(cell.numbers))
    maps = _distinct(group, [_after(*pair) for s in steps for w in within for pair in ((s, w), (w, s))])
    best = min(_keys(group, points, kinds, maps))
    table = sites(group)
    orbits = tuple(Orbit(table[site].letter, _symbol(order), free) for site, order, free in best)
    return WyckoffCrystal(group, orbits, _lattice_parameters(np.array(cell.basis)))


def _orbits(spacegroup: int, positions: Array, numbers: NDArray[np.int64]) -> tuple[list[Array], list[int]]:
    """One point of each orbit, and the Mendeleev number of its element."""
    left = np.ones(len(positions), dtype=bool)
    points, kinds = [], []
    for k in range(len(positions)):
        if not left[k]:
            continue
        near = are_one(images(spacegroup, positions[k])[:, None], positions).any(axis=0) & (numbers == numbers[k])
        left &= ~near
        points.append(positions[k])
        kinds.append(_mendeleev(int(numbers[k])))
    return points, kinds


def _keys(spacegroup: int, points: list[Array], kinds: list[int], maps: list[_Map]) -> Iterator[_Key]:
    """Every description of the same crystal, in a form that sorts."""
    for linear, shift in maps:
        moved = [linear @ point + shift for point in points]
        origins = _origins(spacegroup, moved) if polar_axes(spacegroup) else np.zeros((1, 3))
        for origin in origins:
            yield tuple(
                sorted(
                    (site, kind, free)
                    for point, kind in zip(moved, kinds, strict=True)
                    for site, free in (_fit(spacegroup, point + origin),)
                )
            )


def _origins(spacegroup: int, points: list[Array]) -> Array:
    """Shifts along the polar axes that bring an atom to zero there, `(n, 3)`."""
    polar = list(polar_axes(spacegroup))
    around = np.concatenate([images(spacegroup, point) for point in points])[:, polar]
    origins = np.zeros((len(around), 3))
    origins[:, polar] = -around
    return np.asarray(np.unique(_rounded(origins), axis=0))


def _fit(spacegroup: int, point: Array) -> tuple[int, tuple[float, ...]]:
    """The Wyckoff position of a point, as its index, and the smallest free coordinates among its images.

    Raises:
        ValueError: It lies on none, which no point can.
    """
    around = images(spacegroup, point)
    table = sites(spacegroup)
    for index in _by_symmetry(spacegroup):
        site = table[index]
        free = _free(site, around)
        fits = are_one(free @ site.linear[:, site.free].T + site.constant, around)
        if fits.any():
            return index, min(map(tuple, _rounded(free[fits]).tolist()))
    raise ValueError(f"no Wyckoff position of space group {spacegroup} holds {point}")


def _free(site: Site, points: Array) -> Array:
    """What the free coordinates are if points lie on the first representative of a position, `(n, n_free)`."""
    values = np.empty((len(points), len(site.free)))
    for column, k in enumerate(site.free):
        others = np.abs(np.delete(site.linear, k, axis=1)).sum(axis=1)
        row = next(r for r in range(3) if abs(site.linear[r, k]) == 1.0 and not others[r])
        values[:, column] = site.linear[row, k] * (points[:, row] - site.constant[row])
    return values


def _rounded(free: Array) -> Array:
    """Fractions in [0, 1) that sort alike whatever the last digits are."""
    rounded = np.round(free % 1.0, _DECIMALS)
    rounded[rounded >= 1.0] = 0.0
    return np.asarray(rounded)


@cache
def _by_symmetry(spacegroup: int) -> tuple[int, ...]:
    """Positions, the most special first."""
    table = sites(spacegroup)
    return tuple(sorted(range(len(table)), key=lambda k: (table[k].multiplicity, len(table[k].free))))


def _after(first: _Map, second: _Map) -> _Map:
    return first[0] @ second[0], first[0] @ second[1] + first[1]


def _distinct(spacegroup: int, maps: list[_Map]) -> list[_Map]:
    """One of the maps from each coset of the space group, which itself changes no description."""
    group = operations(spacegroup)
    seen: set[tuple[float, ...]] = set()
    kept = []
    for linear, shift in maps:
        if _hashed(linear, shift) in seen:
            continue
        kept.append((linear, shift))
        seen |= {_hashed(r @ linear, r @ shift + t) for r, t in zip(group.rotations, group.translations, strict=True)}
    return kept


def _hashed(linear: Array, shift: Array) -> tuple[float, ...]:
    return (*np.round(linear).ravel().tolist(), *(np.round(shift * 48) % 48).tolist())


@cache
def _mendeleev(number: int) -> int:
    # For those beyond pymatgen gives none, with a warning.
    if number > _LAST_PLACED:
        raise ValueError(f"{Element.from_Z(number).symbol} has no Mendeleev number; H to Lr are allowed")
    return int(Element.from_Z(number).mendeleev_no)


@cache
def _symbol(order: int) -> str:
    return next(str(element.symbol) for element in Element if element.mendeleev_no == order)


def _lattice_parameters(basis: Array) -> tuple[float, float, float, float, float, float]:
    lengths = np.linalg.norm(basis, axis=1)
    cosines = [basis[i] @ basis[j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    alpha, beta, gamma = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))).tolist()
    a, b, c = lengths.tolist()
    return a, b, c, alpha, beta, gamma
