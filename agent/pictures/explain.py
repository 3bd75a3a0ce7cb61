"""Pictures that explain one crystal's predictions: what each atom contributes, and what passes between them.

Knows ensembles, their attribution and pictures. Knows no terminal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...models.attribution import attribute
from ...models.ensemble import GnnEnsemble
from ...models.graphs.crystal_graph import SHELL_TOLERANCE, CrystalGraph, crystal_graph
from ...models.messages import messages
from .contributions import Contributions
from .crystal_picture import crystal_picture
from .message_picture import Passing, message_picture
from .style import write_pictures

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.prediction import Predictor
    from ...models.target import Target


def contributions(
    structure: Structure, predictor: Predictor, crystal: str, properties: Sequence[str] = ()
) -> tuple[Contributions, ...]:
    """Attribute the predictions of one ordered crystal.

    Args:
        structure: The crystal.
        predictor: Who predicts; it must be an ensemble of crystal networks.
        crystal: How a person knows it.
        properties: Names of targets; without any, all.

    Raises:
        UserError: The predictor is of another kind, does not predict a property, or never saw an element.
    """
    ensemble, graph = _ensemble(predictor), crystal_graph(structure)
    found = []
    for target in ensemble.targets if not properties else _targets(ensemble, properties):
        try:
            said = attribute(ensemble, graph, target.name)
        except ValueError as error:
            raise UserError(f"{crystal}: {error}") from error
        found.append(
            Contributions(
                crystal=crystal,
                property=target.name,
                unit=target.unit,
                predictor=ensemble.name,
                prediction=said.prediction,
                reference=said.reference,
                atoms=said.atoms,
                elements=said.elements,
                occlusion=said.occlusion,
            )
        )
    return tuple(found)


def explain_pictures(
    structure: Structure,
    predictor: Predictor,
    folder: Path,
    crystal: str,
    shown: Sequence[Contributions],
    stem: str = "",
) -> tuple[Path, ...]:
    """Write what `contributions` found for a crystal, and its message passing, as pictures and one page.

    Args:
        structure: The crystal.
        predictor: Who predicts.
        folder: Where to write.
        crystal: How a person knows it.
        shown: What `contributions` found.
        stem: What the files' names begin with; without this, the crystal's name.

    Returns:
        The files, the page last.
    """
    ensemble, graph = _ensemble(predictor), crystal_graph(structure)
    stem = stem or file_stem(crystal)
    numbers = np.array(structure.atomic_numbers)
    pictures = [
        crystal_picture(f"{stem}-{file_stem(c.property)}", structure.lattice.matrix, structure.frac_coords, numbers, c)
        for c in shown
    ]
    pictures.append(message_picture(f"{stem}-messages", _passing(ensemble, structure, graph, crystal)))
    return write_pictures(pictures, folder, stem, crystal)


def file_stem(text: str) -> str:
    """A name that is safe as a file's, on every system: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:60] or "crystal"


def _ensemble(predictor: Predictor) -> GnnEnsemble:
    if not isinstance(predictor, GnnEnsemble):
        raise UserError(f"{predictor.name}: only an ensemble of crystal networks can be explained")
    return predictor


def _targets(ensemble: GnnEnsemble, properties: Sequence[str]) -> list[Target]:
    known = {target.name: target for target in ensemble.targets}
    unknown = [name for name in properties if name not in known]
    if unknown:
        raise UserError(f"{unknown[0]}: not predicted by {ensemble.name}; allowed: {', '.join(known)}")
    return [known[name] for name in properties]


def _passing(ensemble: GnnEnsemble, structure: Structure, graph: CrystalGraph, crystal: str) -> Passing:
    said = messages(ensemble.members, graph)
    return Passing(
        crystal=crystal,
        predictor=ensemble.name,
        names=_names(graph),
        receivers=graph.receivers,
        senders=graph.senders,
        distances=graph.distances,
        counts=_counts(structure, graph),
        gates=said.gates,
        changes=said.changes,
    )


def _counts(structure: Structure, graph: CrystalGraph) -> NDArray[np.int64]:
    """Neighbours that each edge stands for, `(n_edges,)`, counted around one atom of each kind."""
    counts = np.zeros(len(graph.distances), dtype=np.int64)
    if not len(counts):
        return counts
    centres, others, _, ways = structure.get_neighbor_list(float(graph.distances.max()) + 2 * SHELL_TOLERANCE)
    first = np.unique(graph.node_of_atom, return_index=True)[1]
    for edge, (receiver, sender) in enumerate(zip(graph.receivers, graph.senders, strict=True)):
        around = (centres == first[receiver]) & (graph.node_of_atom[others] == sender)
        counts[edge] = (np.abs(ways[around] - graph.distances[edge]) < 2 * SHELL_TOLERANCE).sum()
    return counts


def _names(graph: CrystalGraph) -> tuple[str, ...]:
    """Names of the kinds of atom: `Na ×4`, or `O1 ×4` where the element has several kinds."""
    multiplicity = np.bincount(graph.node_of_atom)
    names = []
    for node, number in enumerate(graph.elements):
        kinds = np.flatnonzero(graph.elements == number)
        place = str(1 + int(np.searchsorted(kinds, node))) if len(kinds) > 1 else ""
        names.append(f"{chemical_symbols[number]}{place} ×{multiplicity[node]}")
    return tuple(names)
