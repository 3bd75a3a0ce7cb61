"""Which crystals are one and the same, whatever cell, setting or order of atoms their files give.

Knows crystals as flat arrays and pymatgen's matcher. Knows no labels.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from ..crystals.structure import to_crystal
from ..generators.duplicate import same_crystal
from .crystals import Crystals

SPREAD = 0.1
"""Å; neighbours are spread over this distance before crystals are compared."""
TOLERANCE = 0.05
"""Of the surroundings' length, in which two forms of one crystal may differ: neighbours moved by some 0.01 Å.

Polytypes, such as those of silicon carbide, are as near; pymatgen's matcher tells them apart, but takes too long for
all pairs.
"""

_CENTRES = np.arange(0.5, 8.0, SPREAD)


def same_as(crystals: Crystals) -> NDArray[np.int64]:
    """Number of the first crystal that each crystal is the same as, its own if there is none before, `(n_crystals,)`.

    Crystals of one reduced formula are the same if their atoms have the same surroundings (for each pair of elements
    the neighbours by distance, as the graph weighs them, averaged over the cell) and the structures match.
    """
    first = np.arange(len(crystals))
    rivals = defaultdict(list)
    for crystal, composition in enumerate(crystals.compositions()):
        rivals[composition].append(crystal)
    for alike in rivals.values():
        known: dict[int, NDArray[np.float64]] = {}
        for crystal in alike if len(alike) > 1 else ():
            own = surroundings(crystals, crystal)
            near = (k for k, other in known.items() if np.linalg.norm(own - other) < TOLERANCE * np.linalg.norm(other))
            first[crystal] = next((k for k in near if _match(crystals, k, crystal)), crystal)
            if first[crystal] == crystal:
                known[crystal] = own
    return first


def _match(crystals: Crystals, one: int, other: int) -> bool:
    return same_crystal(to_crystal(crystals.structure(one)), to_crystal(crystals.structure(other)))


def surroundings(crystals: Crystals, crystal: int) -> NDArray[np.float64]:
    """Neighbours by distance for each pair of a crystal's elements, `(n_elements**2 * n_distances,)`."""
    graphs = crystals.graphs
    nodes = slice(graphs.node_bounds[crystal], graphs.node_bounds[crystal + 1])
    edges = slice(graphs.edge_bounds[crystal], graphs.edge_bounds[crystal + 1])
    elements, kinds = np.unique(graphs.elements[nodes], return_inverse=True)
    receivers, senders = graphs.receivers[edges], graphs.senders[edges]
    weights = graphs.weights[edges] * graphs.shares[nodes][receivers]
    spread = np.exp(-0.5 * ((graphs.distances[edges, None] - _CENTRES) / SPREAD) ** 2) * weights[:, None]
    found = np.zeros((len(elements) ** 2, len(_CENTRES)))
    np.add.at(found, kinds[receivers] * len(elements) + kinds[senders], spread)
    return found.ravel()
