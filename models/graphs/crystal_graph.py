"""A crystal as a graph of its kinds of atom: what message passing reads.

Atoms that no message-passing network could tell apart share one node. Colour refinement finds them: atoms have one
colour if they are one element and have the same neighbours, by colour and distance. The network then says exactly
what it would say of the whole cell (the partition is equitable), at a quarter of the edges; a supercell has its
primitive cell's graph. The idea follows the asymmetric-unit graphs of Ruff et al., Digital Discovery 3, 594 (2024),
doi:10.1039/D4DD00018H, without asking for the symmetry.

Knows pymatgen's neighbour list and numpy. Knows no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

NEIGHBOURS = 12
"""Neighbours an atom listens to, at most; those that tie for the last place are left out together."""
CUTOFF = 8.0
"""Å; what lies further away is not heard."""
SHELL_TOLERANCE = 2e-3
"""Å; distances that follow each other more closely than this are one distance."""


@dataclass(frozen=True)
class CrystalGraph:
    """Kinds of atom and who hears whom, from how far.

    Attributes:
        elements: Atomic number of each node, `(n_nodes,)`.
        shares: Share of the cell's atoms that each node stands for, `(n_nodes,)`, summing to one.
        receivers: Node that hears, `(n_edges,)`.
        senders: Node that is heard, `(n_edges,)`.
        distances: Å, `(n_edges,)`.
        weights: Number of equal neighbours times the envelope, `(n_edges,)`.
        node_of_atom: Node of each atom of the cell, `(n_atoms,)`.
    """

    elements: NDArray[np.int64]
    shares: NDArray[np.float64]
    receivers: NDArray[np.int64]
    senders: NDArray[np.int64]
    distances: NDArray[np.float64]
    weights: NDArray[np.float64]
    node_of_atom: NDArray[np.int64]


def crystal_graph(structure: Structure) -> CrystalGraph:
    """Make the graph of an ordered crystal.

    An atom hears the neighbours nearer than its reach r: the distance of the first neighbour beyond the nearest
    `NEIGHBOURS`, or `CUTOFF`. The envelope 1 - (d/r)⁶ falls to zero there, so that no atom enters or leaves with a
    jump, and neighbours that tie for the last place cannot make the graph depend on their order.

    Raises:
        ValueError: The cell has no atoms or a site with partial occupancy.
    """
    if len(structure) == 0:
        raise ValueError("0 atoms; a crystal has at least one")
    if not structure.is_ordered:
        raise ValueError("partial occupancy; every site must hold one element")
    receivers, senders, distances, envelope = _heard(structure)
    elements = np.array(structure.atomic_numbers, dtype=np.int64)
    shells, shell_distances = _shells(distances)
    colours = _refined(elements, receivers, senders, shells)
    return _quotient(elements, colours, receivers, senders, shells, shell_distances, envelope)


def _heard(
    structure: Structure,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Directed edges `(n,)` within each atom's reach, with distance in Å and envelope."""
    n_atoms = len(structure)
    radius = min(CUTOFF, 1.3 * (0.75 / np.pi * NEIGHBOURS * structure.volume / n_atoms) ** (1 / 3))
    while True:
        receivers, senders, _, distances = structure.get_neighbor_list(radius)
        if radius >= CUTOFF or np.bincount(receivers, minlength=n_atoms).min() > NEIGHBOURS:
            break
        radius = min(CUTOFF, 1.25 * radius)
    order = np.lexsort((distances, receivers))
    receivers, senders, distances = receivers[order], senders[order], distances[order]
    first = np.searchsorted(receivers, np.arange(n_atoms))
    last = np.searchsorted(receivers, np.arange(n_atoms), side="right")
    reach = np.full(n_atoms, CUTOFF)
    crowded = last - first > NEIGHBOURS
    reach[crowded] = distances[first[crowded] + NEIGHBOURS]
    ratio = distances / reach[receivers]
    near = ratio < 1 - 1e-4
    return receivers[near], senders[near], distances[near], 1 - ratio[near] ** 6


def _shells(distances: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number the distinct distances: the number of each edge's, and the mean of each."""
    order = np.argsort(distances)
    shells = np.empty(len(distances), dtype=np.int64)
    shells[order] = np.cumsum(np.diff(distances[order], prepend=-1.0) > SHELL_TOLERANCE) - 1
    count = np.bincount(shells)
    return shells, np.bincount(shells, weights=distances) / np.maximum(count, 1)


def _refined(
    elements: NDArray[np.int64], receivers: NDArray[np.int64], senders: NDArray[np.int64], shells: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Split colours until atoms of one colour have the same neighbours by colour and shell, `(n_atoms,)`."""
    n_atoms = len(elements)
    colours = np.unique(elements, return_inverse=True)[1]
    bounds = np.searchsorted(receivers, np.arange(n_atoms + 1))
    while True:
        n_colours = int(colours.max()) + 1
        heard = shells * n_colours + colours[senders]
        heard = heard[np.lexsort((heard, receivers))]
        known: dict[tuple[int, bytes], int] = {}
        split = np.array(
            [
                known.setdefault((int(colours[atom]), heard[bounds[atom] : bounds[atom + 1]].tobytes()), len(known))
                for atom in range(n_atoms)
            ]
        )
        if len(known) == n_colours:
            return split
        colours = split


def _quotient(
    elements: NDArray[np.int64],
    colours: NDArray[np.int64],
    receivers: NDArray[np.int64],
    senders: NDArray[np.int64],
    shells: NDArray[np.int64],
    shell_distances: NDArray[np.float64],
    envelope: NDArray[np.float64],
) -> CrystalGraph:
    """A node for each colour, and one edge for all equal neighbours of an atom of that colour.

    Atoms of one colour agree in their distances to the tolerance alone, hence a little less in their envelopes: the
    mean over them depends on no order.
    """
    _, first, counts = np.unique(colours, return_index=True, return_counts=True)
    n_nodes, n_shells = len(first), max(len(shell_distances), 1)
    code = (colours[receivers] * n_nodes + colours[senders]) * n_shells + shells
    edges, edge = np.unique(code, return_inverse=True)
    hearing = edges // n_shells // n_nodes
    return CrystalGraph(
        elements=elements[first],
        shares=counts / counts.sum(),
        receivers=hearing,
        senders=edges // n_shells % n_nodes,
        distances=shell_distances[edges % n_shells] if len(edges) else np.empty(0),
        weights=np.bincount(edge, weights=envelope, minlength=len(edges)) / counts[hearing],
        node_of_atom=colours,
    )
