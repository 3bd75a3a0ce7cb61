"""A generated crystal as a CIF file that declares its symmetry: operations, and one atom of each orbit.

Knows Wyckoff tables and the CIF format. Must not know how a crystal was made.
"""

from __future__ import annotations

from collections import Counter

from moyopy import SpaceGroupType
from pymatgen.core import Lattice
from pymatgen.core.operations import SymmOp

from ...models.wyckoff.tables import LETTERS, Site, centring_vectors, operations, sites
from ...models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal

_DECIMALS = 6


def cif_text(crystal: WyckoffCrystal, name: str, remarks: tuple[str, ...] = ()) -> str:
    """Write a crystal in the standard setting of its space group.

    Args:
        crystal: Its occupied Wyckoff positions.
        name: Of its block, without spaces.
        remarks: Comments at the top, each on one line.
    """
    group = SpaceGroupType(crystal.spacegroup)
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma", "volume")
    cell = (*crystal.lattice, Lattice.from_parameters(*crystal.lattice).volume)
    lines = [f"# {remark}" for remark in remarks]
    lines += [f"data_{name}", f"_symmetry_space_group_name_H-M '{group.hm_short}'"]
    lines += [f"_symmetry_Int_Tables_number {crystal.spacegroup}", f"_chemical_formula_sum '{_formula(crystal)}'"]
    lines += [f"_cell_{name} {value:.{_DECIMALS}f}" for name, value in zip(names, cell, strict=True)]
    lines += ["loop_", "_symmetry_equiv_pos_site_id", "_symmetry_equiv_pos_as_xyz"]
    symmetry = operations(crystal.spacegroup)
    for number, (rotation, shift) in enumerate(zip(symmetry.rotations, symmetry.translations, strict=True), start=1):
        lines.append(f"{number} '{SymmOp.from_rotation_and_translation(rotation, shift % 1.0).as_xyz_str()}'")
    lines += ["loop_", "_atom_site_label", "_atom_site_type_symbol", "_atom_site_symmetry_multiplicity"]
    lines += ["_atom_site_Wyckoff_symbol", *(f"_atom_site_fract_{axis}" for axis in "xyz"), "_atom_site_occupancy"]
    for number, orbit in enumerate(crystal.orbits, start=1):
        site = _site(crystal, orbit)
        point = site.linear[:, site.free] @ orbit.free + site.constant
        place = " ".join(f"{x:.{_DECIMALS}f}" for x in point % 1.0)
        lines.append(f"{orbit.element}{number} {orbit.element} {_atoms(crystal, orbit)} {orbit.letter} {place} 1")
    return "\n".join([*lines, ""])


def _formula(crystal: WyckoffCrystal) -> str:
    """What the conventional cell holds."""
    counts: Counter[str] = Counter()
    for orbit in crystal.orbits:
        counts[orbit.element] += _atoms(crystal, orbit)
    return " ".join(f"{symbol}{count}" for symbol, count in counts.items())


def _site(crystal: WyckoffCrystal, orbit: Orbit) -> Site:
    return sites(crystal.spacegroup)[LETTERS.index(orbit.letter)]


def _atoms(crystal: WyckoffCrystal, orbit: Orbit) -> int:
    """Atoms of an orbit in the conventional cell."""
    return _site(crystal, orbit).multiplicity * len(centring_vectors(crystal.spacegroup))
