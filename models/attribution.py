"""How much each atom of a crystal counts in a prediction: integrated gradients, checked by occlusion.

Every atom is led from the mean atom, whose embedding and linear weight are the means over the elements of the training
data, to what it is. Zero would not do: layer norms see directions alone, and zero has none.

Knows ensembles and graphs. Knows no files and no pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pymatgen.core import Element
from torch import Tensor

from .ensemble import GnnEnsemble
from .gnn import CrystalNetwork
from .graphs.batch import batch, store
from .graphs.crystal_graph import CrystalGraph

Array = NDArray[np.float64]

TOLERANCE = 1e-4
"""What a piece of the integral may miss before it is halved, in the scale of the output: the spread of its labels."""
_PIECES, _SHORTEST = 8, 2.0**-12
"""Pieces at the start, and the length below which none is halved."""
_PLACES = np.array([0.0, 0.5 - np.sqrt(3 / 28), 0.5, 0.5 + np.sqrt(3 / 28), 1.0])
_WEIGHTS = np.array([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
"""Gauss-Lobatto quadrature on a piece from 0 to 1."""
_AT_ONCE = 20_000
"""Edges in one pass of a network, to bound memory."""


@dataclass(frozen=True)
class Attribution:
    """What makes up a prediction, in the target's unit.

    Attributes:
        prediction: Mean of the members for this crystal.
        reference: The same for mean atoms on the same places.
        atoms: Contribution of each atom of the cell, `(n_atoms,)`; they sum up to prediction - reference.
        elements: Sum of the contributions of each element, by atomic number.
        occlusion: prediction - prediction with one element's atoms made mean atoms, by atomic number. These need not
            sum up: what two elements do together counts for both.
        missed: prediction - reference - sum of the contributions: the error of the integral.
    """

    prediction: float
    reference: float
    atoms: Array
    elements: dict[int, float]
    occlusion: dict[int, float]
    missed: float


def attribute(ensemble: GnnEnsemble, graph: CrystalGraph, name: str) -> Attribution:
    """Attribute an ensemble's prediction to the atoms of one crystal.

    Integrated gradients: with the embedding e_i of atom i and the mean atom's e₀, atom i is given

        (e_i - e₀) · ∫₀¹ ∂f/∂e_i (e₀ + t (e - e₀)) dt,

    which sums up over the atoms to f(e) - f(e₀), where f is what the ensemble says: the mean of its members, without
    its sign if it is a gap. An atom's share of the linear part of the prediction is exact and is added.

    Args:
        ensemble: The predictor.
        graph: The crystal.
        name: Of one of the ensemble's targets.

    Raises:
        ValueError: No such target, or an element that the training data did not hold.

    Source: Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365, equation 1.
    """
    names = [target.name for target in ensemble.targets]
    if name not in names:
        raise ValueError(f"{name}: {ensemble.name} does not predict it; it predicts {', '.join(names)}")
    column = names.index(name)
    known = np.array(sorted(Element(symbol).Z for symbol in ensemble.elements))
    present = np.unique(graph.elements)
    foreign = sorted(set(present.tolist()) - set(known.tolist()))
    if foreign:
        symbols = ", ".join(Element.from_Z(number).symbol for number in foreign)
        raise ValueError(f"{symbols}: not in the training data of {ensemble.name}, which learned nothing of it")
    asked = _Asked.of(ensemble, graph, column, known)
    nodes = _integral(asked)
    hidden = torch.from_numpy(graph.elements == present[:, None])
    kept = torch.cat([torch.ones(1, len(graph.elements)), torch.zeros(1, len(graph.elements)), ~hidden])
    value, nothing, *without = _outputs(asked, kept)[0].tolist()
    scale, weights = float(ensemble.baseline.scales[column]), ensemble.baseline.weights[:, column]
    mean_weight = float(weights[known].mean())
    linear = graph.shares * weights[graph.elements]
    shares = linear - graph.shares * mean_weight
    prediction, reference = scale * value + float(linear.sum()), scale * nothing + mean_weight
    nodes = scale * nodes + shares
    lost = scale * (value - np.array(without))
    is_element = graph.elements == present[:, None]
    return Attribution(
        prediction=prediction,
        reference=reference,
        atoms=(nodes / np.bincount(graph.node_of_atom))[graph.node_of_atom],
        elements=dict(zip(present.tolist(), (is_element @ nodes).tolist(), strict=True)),
        occlusion=dict(zip(present.tolist(), (lost + is_element @ shares).tolist(), strict=True)),
        missed=prediction - reference - float(nodes.sum()),
    )


@dataclass(frozen=True)
class _Asked:
    """An ensemble's members and what they are asked: one target of one crystal.

    Attributes:
        members: The networks.
        graph: The crystal.
        column: Of the target in the networks' output.
        is_gap: Whether the sign of the members' mean is dropped, as an ensemble drops it.
        means: The mean atom's embedding in each network, `(n_members, width)`.
        aways: From there to each node's own, `(n_members, n_nodes, width)`.
    """

    members: tuple[CrystalNetwork, ...]
    graph: CrystalGraph
    column: int
    is_gap: bool
    means: Tensor
    aways: Tensor

    @classmethod
    def of(cls, ensemble: GnnEnsemble, graph: CrystalGraph, column: int, known: NDArray[np.int64]) -> _Asked:
        """Look up the embeddings; `known` are the atomic numbers that the mean is taken over."""
        learned = torch.stack([member.embedding.weight.detach() for member in ensemble.members])
        means = learned[:, torch.from_numpy(known)].mean(1)
        aways = learned[:, torch.from_numpy(graph.elements)] - means[:, None]
        return cls(ensemble.members, graph, column, ensemble.targets[column].kind == "gap", means, aways)


def _integral(asked: _Asked) -> Array:
    """Contributions of the nodes, `(n_nodes,)`, on the way from the mean atom, in the scale of the output.

    The slopes of a piece must sum up to what the output gains along it: where the largest node changes, or a gap
    turns at zero, they do not, and the piece is halved.
    """
    n_nodes = len(asked.graph.elements)
    nodes = np.zeros(n_nodes)
    length = 1.0 / _PIECES
    starts = np.arange(_PIECES) * length
    while len(starts):
        places = starts[:, None] + length * _PLACES
        values, slopes = _outputs(asked, torch.from_numpy(places).flatten()[:, None].expand(-1, n_nodes))
        gained = np.diff(values.reshape(places.shape)[:, [0, -1]])[:, 0]
        pieces = length * np.einsum("p,kpn->kn", _WEIGHTS, slopes.reshape(*places.shape, n_nodes))
        is_exact = (np.abs(pieces.sum(1) - gained) <= TOLERANCE) | (length <= _SHORTEST)
        nodes += pieces[is_exact].sum(0)
        length /= 2
        starts = np.concatenate([starts[~is_exact], starts[~is_exact] + length])
    return nodes


def _outputs(asked: _Asked, shares: Tensor) -> tuple[Array, Array]:
    """What is said where each node has gone a share `(n, n_nodes)` of its way from the mean atom.

    Returns:
        Outputs `(n,)`, and how fast they grow as each node goes on, `(n, n_nodes)`.
    """
    at_once = max(1, _AT_ONCE // max(1, len(asked.graph.distances)))
    graphs = store([asked.graph])
    values, slopes = np.zeros(len(shares)), np.zeros(shares.shape)
    for first in range(0, len(shares), at_once):
        some = shares[first : first + at_once].to(asked.means.dtype)
        rows = slice(first, first + len(some))
        copies = batch(graphs, np.zeros(len(some), dtype=np.int64), some.dtype)
        for member, mean, away in zip(asked.members, asked.means, asked.aways, strict=True):
            gone = some.clone().requires_grad_()
            embedded = (mean + gone[:, :, None] * away).flatten(0, 1)
            said = member.read_out(embedded, copies).location[:, asked.column]
            values[rows] += said.detach().double().numpy() / len(asked.members)
            slopes[rows] += torch.autograd.grad(said.sum(), gone)[0].double().numpy() / len(asked.members)
    if asked.is_gap:
        return np.abs(values), slopes * np.sign(values)[:, None]
    return values, slopes
