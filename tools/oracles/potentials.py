"""Interatomic potentials by name, and any ASE calculator by `module:factory`.

Knows ASE calculators and the packages that carry trained weights. Knows nothing of trials, campaigns or
databases, and applies no energy correction (see corrections.py).
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from ...memory.errors import UserError
from ...models.threads import configure_torch

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

Corrections = Literal["none", "mp2020"]


@dataclass(frozen=True)
class Potential:
    """An interatomic potential, loaded and ready.

    Attributes:
        name: The name a campaign file uses.
        version: Model and package version, as written beside every number it gives.
        calculator: ASE calculator; energies in eV, forces in eV/Å, stress in eV/Å³.
        energies: Energies of several structures without forces, `(n_structures,)` in eV per cell.
        corrections: Energy corrections that make its energies comparable with the Materials Project.
        elements: Chemical symbols it was trained on; None if it does not say.
    """

    name: str
    version: str
    calculator: Calculator
    energies: Callable[[Sequence[Atoms]], NDArray[np.float64]]
    corrections: Corrections
    elements: frozenset[str] | None


@lru_cache(maxsize=4)
def load_potential(name: str) -> Potential:
    """Load a potential once per process.

    Args:
        name: One of `NAMES`, or `module:factory` where calling `factory()` gives an ASE calculator.

    Raises:
        UserError: Unknown name, or a factory that cannot be imported or gives no ASE calculator.
    """
    configure_torch()
    if name in _LOADERS:
        return _LOADERS[name](name)
    if ":" in name:
        return _load_factory(name)
    raise UserError(
        f"calculator {name!r} is unknown; allowed: {', '.join(NAMES)}, or module:factory for any ASE calculator"
    )


def _load_chgnet(name: str) -> Potential:
    from chgnet.model import CHGNet
    from chgnet.model.dynamics import CHGNetCalculator
    from pymatgen.io.ase import AseAtomsAdaptor

    class QuietCalculator(CHGNetCalculator):
        """Without a warning at every step of a constrained relaxation."""

        def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
            with _quiet():
                super().calculate(_bare(atoms) if atoms is not None else None, *args, **kwargs)

    # Both print to the standard output, where a face may be writing JSON.
    with _quiet(), redirect_stdout(StringIO()):
        model = CHGNet.load(use_device="cpu", verbose=False)
        calculator = QuietCalculator(model, use_device="cpu", on_isolated_atoms="ignore")

    def energies(batch: Sequence[Atoms]) -> NDArray[np.float64]:
        values = []
        for atoms in batch:
            structure = AseAtomsAdaptor.get_structure(_bare(atoms))
            with _quiet():
                prediction = cast("dict[str, Any]", model.predict_structure(structure, task="e"))
            values.append(float(prediction["e"]) * len(atoms))
        return np.array(values)

    elements = frozenset(chemical_symbols[1:95]) - {"Po", "At", "Rn", "Fr", "Ra"}
    return Potential(
        name,
        f"CHGNet {model.version}, chgnet {version('chgnet')}",
        calculator,
        energies,
        "none",
        elements,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _bare(atoms: Atoms) -> Atoms:
    copy: Atoms = atoms.copy()
    copy.set_constraint()
    return copy


_SEVENNET_MODELS = {"sevennet": "7net-0", "sevennet-l3i5": "7net-l3i5"}


def _load_sevennet(name: str) -> Potential:
    import torch
    from sevenn import _keys as keys
    from sevenn.atom_graph_data import AtomGraphData
    from sevenn.calculator import SevenNetCalculator
    from sevenn.train.dataload import unlabeled_atoms_to_graph
    from torch_geometric.loader.dataloader import Collater

    model_name = _SEVENNET_MODELS[name]
    with _quiet():
        calculator = SevenNetCalculator(model_name, device="cpu")
        energy_model = SevenNetCalculator(model_name, device="cpu").model
    # Without the force head no gradient is taken, which makes an energy about three times cheaper.
    energy_model.delete_module_by_key("force_output")
    energy_model.key_grad = None
    energy_model.set_is_batch_data(True)
    collate = Collater([])

    def energies(batch: Sequence[Atoms]) -> NDArray[np.float64]:
        graphs = [AtomGraphData.from_numpy_dict(unlabeled_atoms_to_graph(atoms, calculator.cutoff)) for atoms in batch]
        with torch.no_grad():
            output = energy_model(collate(graphs))
        return np.atleast_1d(output[keys.PRED_TOTAL_ENERGY].double().numpy())

    elements = frozenset(chemical_symbols[z] for z in calculator.type_map)
    return Potential(name, f"{model_name}, sevenn {version('sevenn')}", calculator, energies, "mp2020", elements)


_LOADERS: dict[str, Callable[[str], Potential]] = {
    "chgnet": _load_chgnet,
    "sevennet": _load_sevennet,
    "sevennet-l3i5": _load_sevennet,
}
NAMES = tuple(_LOADERS)


def _load_factory(name: str) -> Potential:
    module_name, _, factory_name = name.partition(":")
    try:
        calculator = getattr(importlib.import_module(module_name), factory_name)()
    except Exception as error:
        raise UserError(f"calculator {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(calculator, Calculator):
        raise UserError(f"calculator {name!r} gave {type(calculator).__name__}; an ASE calculator is needed")

    def energies(batch: Sequence[Atoms]) -> NDArray[np.float64]:
        values = []
        for atoms in batch:
            copy = atoms.copy()
            copy.calc = calculator
            values.append(float(copy.get_potential_energy()))
        return np.array(values)

    return Potential(name, name, calculator, energies, "none", None)
