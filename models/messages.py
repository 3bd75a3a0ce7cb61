"""What passes through a network while it reads one crystal: how far each gate opens, how much each node changes.

Knows networks and their graphs. Knows no files and no pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from .gnn import CrystalNetwork
from .graphs.batch import batch, store
from .graphs.crystal_graph import CrystalGraph
from .layers import GatedLayer


@dataclass(frozen=True)
class Messages:
    """Message passing on one crystal, as the mean over some networks.

    Attributes:
        gates: How far each edge's gate is open, from 0 to 1, as the mean over features, `(n_rounds, n_edges)`.
        changes: |h' - h| / |h| of each node's features h in each round, `(n_rounds, n_nodes)`.
    """

    gates: NDArray[np.float64]
    changes: NDArray[np.float64]


def messages(networks: Sequence[CrystalNetwork], graph: CrystalGraph) -> Messages:
    """Follow the message passing of some networks of one shape on one crystal."""
    followed = [_followed(network, graph) for network in networks]
    return Messages(
        gates=np.mean([gates for gates, _ in followed], axis=0),
        changes=np.mean([changes for _, changes in followed], axis=0),
    )


@torch.no_grad()
def _followed(network: CrystalNetwork, graph: CrystalGraph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gates `(n_rounds, n_edges)` and changes `(n_rounds, n_nodes)` in one network."""
    embedded = network.embedding(torch.from_numpy(graph.elements))
    graphs = batch(store([graph]), np.zeros(1, dtype=np.int64), embedded.dtype)
    seen = network.node_features(embedded, graphs)
    edges = network.edge(network.basis(graphs.distances))
    gates = []
    for nodes, layer in zip(seen[:-1], cast("Iterable[GatedLayer]", network.passing), strict=True):
        gate, _ = layer.signals(nodes, graphs.receivers, graphs.senders, edges, graphs.shells)
        gates.append(torch.sigmoid(gate).mean(1).double().numpy())
    changes = [((after - before).norm(dim=1) / before.norm(dim=1)).double().numpy() for before, after in pairwise(seen)]
    return np.array(gates), np.array(changes)
