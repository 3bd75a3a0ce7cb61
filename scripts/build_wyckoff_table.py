"""Makes models/wyckoff/wyckoff_positions.json: the Wyckoff positions of all space groups in their standard settings.

For each group, points are drawn in general places and where symmetry elements meet; the orbit of such a point beside
an orbit in general position makes a crystal of exactly this group, and moyopy names the position of each of its atoms.
Done when the letters found have no gap; all groups together have 1,731 positions (International Tables A).

usage: python scripts/build_wyckoff_table.py [FILE]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from moyopy import Cell, MoyoDataset, operations_from_number
from numpy.typing import NDArray

from athanor.models.wyckoff.tables import GROUPS, LETTERS, crystal_system

Array = NDArray[np.float64]

POSITIONS = 1731
MOST_DRAWS = 40_000
LEAST_DRAWS = 200
_HEXAGONAL = np.array([[8.0, 0.0, 0.0], [-4.0, 4.0 * 3**0.5, 0.0], [0.0, 0.0, 11.3]])
LATTICES = {
    "cubic": 10.0 * np.eye(3),
    "hexagonal": _HEXAGONAL,
    "trigonal": _HEXAGONAL,
    "tetragonal": np.diag([8.0, 8.0, 11.3]),
    "orthorhombic": np.diag([7.1, 8.7, 10.9]),
    "monoclinic": np.array([[7.1, 0.0, 0.0], [0.0, 8.7, 0.0], [-3.5, 0.0, 10.3]]),
    "triclinic": np.array([[7.1, 0.0, 0.0], [1.1, 8.7, 0.0], [-0.7, 1.3, 10.9]]),
}


def fixed_places(rotations: Array, translations: Array) -> list[tuple[Array, Array]]:
    """Equations `matrix @ x = side` of the points that an operation, with a lattice vector added, leaves alone."""
    found = {}
    for rotation, translation in zip(rotations, translations, strict=True):
        matrix = rotation - np.eye(3)
        if not matrix.any():
            continue
        for shift in product((-1, 0, 1), repeat=3):
            side = -(translation + shift)
            point = np.linalg.lstsq(matrix, side, rcond=None)[0]
            if np.abs(matrix @ point - side).max() < 1e-8:
                key = (*np.round(np.linalg.pinv(matrix) @ matrix, 6).ravel(), *np.round(point % 1, 4))
                found[key] = (matrix, side)
    return list(found.values())


def places(equations: list[tuple[Array, Array]], rng: np.random.Generator) -> Iterator[Array]:
    """Points in general places and where up to three symmetry elements meet, without end."""
    while True:
        n = rng.integers(0, 4)
        if n == 0 or not equations:
            yield rng.random(3)
            continue
        chosen = [equations[k] for k in rng.integers(0, len(equations), n)]
        matrix = np.vstack([matrix for matrix, _ in chosen])
        side = np.concatenate([side for _, side in chosen])
        point, _, rank, _ = np.linalg.lstsq(matrix, side, rcond=None)
        if np.abs(matrix @ point - side).max() < 1e-7:
            loose = np.linalg.svd(matrix)[2][rank:]
            yield (point + 3 * rng.normal(size=len(loose)) @ loose) % 1.0


def positions(number: int) -> list[tuple[str, int, str, str]]:
    """Letter, multiplicity in the conventional cell, site symmetry and first representative, by letter."""
    rng = np.random.default_rng(number)
    group = operations_from_number(number)
    rotations, translations = np.array(group.rotations, dtype=float), np.array(group.translations)

    def orbit(point: Array) -> Array:
        images = (rotations @ point + translations) % 1.0
        gaps = images[:, None] - images
        same = np.abs(gaps - np.round(gaps)).max(axis=2) < 1e-6
        return np.asarray(images[np.argmax(same, axis=1) == np.arange(len(images))])

    lattice, general = LATTICES[crystal_system(number)].tolist(), orbit(rng.random(3))
    found: dict[str, tuple[int, str, str]] = {}
    for draw, point in enumerate(places(fixed_places(rotations, translations), rng)):
        special = orbit(point)
        cell = Cell(lattice, np.vstack([general, special]).tolist(), [1] * len(general) + [2] * len(special))
        seen = MoyoDataset(cell, symprec=1e-4)
        if seen.number == number:
            for position in seen.normalizer_wyckoff_positions().wyckoffs:
                found[position.letter] = (position.multiplicity, position.site_symmetry, position.coordinates)
        letters = sorted(found, key=LETTERS.index)
        if (draw > LEAST_DRAWS and letters == list(LETTERS[: len(letters)])) or draw > MOST_DRAWS:
            break
    return [(letter, *found[letter]) for letter in letters]


def main() -> None:
    """Make the table, check its size, and write it."""
    default = Path(__file__).parents[1] / "models" / "wyckoff" / "wyckoff_positions.json"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    table = {}
    for number in GROUPS:
        table[str(number)] = positions(number)
        print(f"{number}: {len(table[str(number)])} positions")
    total = sum(map(len, table.values()))
    if total != POSITIONS:
        raise SystemExit(f"{total} positions were found; there are {POSITIONS}")
    path.write_text(json.dumps(table, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main()
