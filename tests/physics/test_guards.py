"""Each guard refuses what it is there for, by its own kind, and lets ordinary crystals through."""

from __future__ import annotations

import pytest
from pymatgen.core import Lattice, Structure

from athanor.tools.oracles.guards import check_change, check_elements, check_geometry

ROCKSALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    "structure",
    [
        ROCKSALT,
        ROCKSALT.get_primitive_structure(),
        Structure.from_spacegroup("Fd-3m", Lattice.cubic(3.567), ["C"], [[0, 0, 0]]),
        Structure(Lattice.cubic(3.16), ["W", "W"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        Structure(Lattice.cubic(5.33), ["K", "K"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    ],
    ids=["MgO", "MgO primitive", "diamond", "W", "K"],
)
def test_ordinary_crystals_pass(structure: Structure) -> None:
    assert check_geometry(structure) is None


def kind(structure: Structure) -> str | None:
    failure = check_geometry(structure)
    return failure.kind if failure else None


def test_overlapping_atoms() -> None:
    close = Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0.15, 0, 0]])
    assert kind(close) == "overlap"
    assert "Na" in check_geometry(close).message


def test_coinciding_atoms() -> None:
    twice = Structure(Lattice.cubic(3.0), ["Ti", "O"], [[0, 0, 0], [0, 0, 0]], validate_proximity=False)
    assert kind(twice) == "overlap"


def test_an_atom_too_close_to_its_own_image() -> None:
    needle = Structure(Lattice.orthorhombic(1.0, 5.0, 5.0), ["Si"], [[0, 0, 0]])
    assert kind(needle) == "overlap"


def test_a_skewed_cell_is_judged_by_its_shortest_vector() -> None:
    lattice = Lattice([[4.0, 0, 0], [3.6, 0.9, 0], [0, 0, 12.0]])
    assert kind(Structure(lattice, ["Fe"], [[0, 0, 0]])) == "overlap"


@pytest.mark.parametrize("length", [1.6, 5.0])
def test_volume_per_atom(length: float) -> None:
    assert kind(Structure(Lattice.cubic(length), ["Ca"], [[0, 0, 0]])) == "volume"


def test_a_flat_lattice_has_no_volume() -> None:
    assert kind(Structure([[3, 0, 0], [0, 3, 0], [3, 3, 0]], ["Ca"], [[0, 0, 0]])) == "volume"


def test_an_isolated_atom() -> None:
    slab = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.1], [0, 0.5, 0.1], [0, 0, 0.2], [0.5, 0.5, 0.2]]
    structure = Structure(Lattice.orthorhombic(6.3, 6.3, 15), ["Cu"] * 6 + ["Xe"], [*slab, [0.25, 0.25, 0.6]])
    failure = check_geometry(structure)
    assert failure is not None
    assert (failure.kind, "Xe" in failure.message) == ("isolated_atoms", True)


def test_five_hundred_atoms() -> None:
    failure = check_geometry(ROCKSALT * (4, 4, 4))
    assert failure is not None
    assert failure.kind == "size"
    assert "512 atoms" in failure.message


def test_elements() -> None:
    assert check_elements(ROCKSALT, {"Mg", "O"}) is None
    assert check_elements(ROCKSALT, None) is None
    failure = check_elements(ROCKSALT, {"Mg"})
    assert failure is not None
    assert (failure.kind, failure.message.startswith("O:")) == ("unsupported_element", True)


@pytest.mark.parametrize(("ratio", "expected"), [(0.4, "collapsed"), (0.9, None), (1.2, None), (2.5, "exploded")])
def test_change_of_volume(ratio: float, expected: str | None) -> None:
    failure = check_change(100.0, 100.0 * ratio)
    assert (failure.kind if failure else None) == expected
