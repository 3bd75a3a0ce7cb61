"""Energy corrections that put a potential's energies on the Materials Project's scale.

Knows pymatgen's Materials Project 2020 scheme. Knows nothing of potentials' insides or of hulls.

Source: Wang et al., Sci. Rep. 11, 15496 (2021), doi:10.1038/s41598-021-94550-5.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from pymatgen.entries.compatibility import MaterialsProject2020Compatibility
from pymatgen.entries.computed_entries import ComputedStructureEntry

from ...memory.errors import TerminalError
from .potentials import Corrections

if TYPE_CHECKING:
    from pymatgen.core import Structure

# The Hubbard U values of MPRelaxSet, in eV, applied in oxides and fluorides only.
_HUBBARD_U = {"Co": 3.32, "Cr": 3.7, "Fe": 5.3, "Mn": 3.9, "Mo": 4.38, "Ni": 6.2, "V": 3.25, "W": 6.2}


@lru_cache(maxsize=1)
def _mp2020() -> MaterialsProject2020Compatibility:
    return MaterialsProject2020Compatibility(check_potcar=False)


def corrected_energy(structure: Structure, energy: float, corrections: Corrections) -> float:
    """Correct a total energy.

    Args:
        structure: The crystal the energy belongs to; its geometry decides between oxide, peroxide and superoxide.
        energy: Uncorrected total energy in eV per cell.
        corrections: `none` returns the energy as it is.

    Returns:
        Corrected total energy in eV per cell.

    Raises:
        TerminalError: The scheme defines no correction for this composition.
    """
    if corrections == "none":
        return energy
    symbols = {element.symbol for element in structure.composition.elements}
    with_u = bool(symbols & {"O", "F"} and symbols & set(_HUBBARD_U))
    hubbards = {symbol: _HUBBARD_U.get(symbol, 0.0) for symbol in symbols} if with_u else {}
    entry = ComputedStructureEntry(
        structure,
        energy,
        parameters={"run_type": "GGA+U" if with_u else "GGA", "is_hubbard": with_u, "hubbards": hubbards},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processed = _mp2020().process_entry(entry, clean=True)
    if processed is None:
        raise TerminalError(f"no Materials Project 2020 correction for {structure.composition.reduced_formula}")
    return float(processed.energy)
