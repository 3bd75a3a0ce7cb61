"""Features of a crystal from CHGNet's pretrained network: what the atoms look like after each convolution.

Knows chgnet and pymatgen's structure. Knows no targets and nothing of what is learnt from the features.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from importlib.metadata import version
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ..threads import configure_torch

if TYPE_CHECKING:
    from pymatgen.core import Structure

Features = NDArray[np.float32]

MAX_ELEMENT = 94
"""Atomic number of the last element that CHGNet has an embedding for."""
ELEMENTS = frozenset(chemical_symbols[1 : MAX_ELEMENT + 1]) - {"Po", "At", "Rn", "Fr", "Ra"}
"""Chemical symbols that CHGNet was trained on."""
N_POOLS = 3
N_LAYERS = 4
N_CHANNELS = 64
N_EMBEDDED = N_POOLS * N_LAYERS * N_CHANNELS
N_FEATURES = N_EMBEDDED + MAX_ELEMENT
BATCH = 16


def features(structures: Sequence[Structure]) -> Features:
    """Embed ordered crystals.

    The atom features of the four atom convolutions are pooled over the cell by mean, standard deviation and maximum;
    none of them changes when the cell is rotated, translated, permuted or repeated. The composition follows.

    Args:
        structures: Crystals, from one atom on; an atom without neighbours within 6 Å keeps its element's features.

    Returns:
        `(n_crystals, N_FEATURES)`, without unit: `N_EMBEDDED` columns by pool, layer and channel, then the share of
        each element by atomic number.

    Raises:
        ValueError: A crystal has no atoms, partial occupancy or an element that CHGNet was not trained on.
    """
    for number, structure in enumerate(structures):
        _check(structure, number)
    found = np.zeros((len(structures), N_FEATURES), dtype=np.float32)
    for number, structure in enumerate(structures):
        np.add.at(found[number, N_EMBEDDED - 1 :], np.array(structure.atomic_numbers), 1 / len(structure))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen's, of noble gases without an electronegativity
        graphs = [_network().graph_converter(structure) for structure in structures]
    # A network pass over crystals none of which has an angle skips layers that a mixed one does not.
    for angular in (True, False):
        chosen = [k for k, graph in enumerate(graphs) if (len(graph.bond_graph) > 0) == angular]
        for start in range(0, len(chosen), BATCH):
            rows = chosen[start : start + BATCH]
            found[rows, :N_EMBEDDED] = _pooled([graphs[k] for k in rows])
    return found


def source() -> str:
    """The network and its version, as written beside numbers that rest on it."""
    return f"CHGNet {_network().version}, chgnet {version('chgnet')}"


def _check(structure: Structure, number: int) -> None:
    if len(structure) == 0:
        raise ValueError(f"crystal {number}: 0 atoms; a crystal has at least one")
    if not structure.is_ordered:
        raise ValueError(f"crystal {number}: partial occupancy; every site must hold one element")
    unknown = sorted({element.symbol for element in structure.elements} - ELEMENTS)
    if unknown:
        raise ValueError(
            f"crystal {number}: CHGNet was not trained on {', '.join(unknown)}; "
            "H to Pu without Po, At, Rn, Fr and Ra are allowed"
        )


@lru_cache(maxsize=1)
def _network() -> Any:
    from chgnet.model import CHGNet

    configure_torch()
    # Loading prints to the standard output, where a face may be writing JSON.
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        network = CHGNet.load(use_device="cpu", verbose=False)
    network.graph_converter.set_isolated_atom_response("ignore")
    return network.eval()


def _pooled(graphs: Sequence[Any]) -> NDArray[np.float64]:
    """Pool the atom features of each layer over each crystal, `(n_graphs, N_EMBEDDED)`."""
    import torch

    network, seen = _network(), []
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output.double().numpy()))
        for layer in network.atom_conv_layers
    ]
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network(list(graphs), task="e")
    finally:
        for hook in hooks:
            hook.remove()
    atoms = np.concatenate(seen, axis=1)
    ends = np.cumsum([len(graph.atomic_number) for graph in graphs])
    return np.array(
        [np.concatenate([cell.mean(0), cell.std(0), cell.max(0)]) for cell in np.split(atoms, ends[:-1])], dtype=float
    )
