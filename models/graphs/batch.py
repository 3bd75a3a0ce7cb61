"""Many graphs in one piece: flat arrays to store, and a batch of tensors to compute on.

Knows graphs and torch. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .crystal_graph import CrystalGraph


@dataclass(frozen=True)
class GraphStore:
    """Graphs end to end, so that 20,000 are a few arrays and not a million objects.

    Attributes:
        elements: Atomic numbers, `(sum n_nodes,)`.
        shares: Share of the cell's atoms, `(sum n_nodes,)`.
        receivers: Node within its own graph, `(sum n_edges,)`.
        senders: Node within its own graph, `(sum n_edges,)`.
        distances: Å, `(sum n_edges,)`.
        weights: Neighbours times envelope, `(sum n_edges,)`.
        node_bounds: Where each graph's nodes begin, `(n_graphs + 1,)`.
        edge_bounds: Where each graph's edges begin, `(n_graphs + 1,)`.
    """

    elements: NDArray[np.uint8]
    shares: NDArray[np.float64]
    receivers: NDArray[np.int32]
    senders: NDArray[np.int32]
    distances: NDArray[np.float64]
    weights: NDArray[np.float64]
    node_bounds: NDArray[np.int64]
    edge_bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.node_bounds) - 1

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays by name, as a file stores them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def store(graphs: Sequence[CrystalGraph]) -> GraphStore:
    """Put graphs end to end."""
    return GraphStore(
        elements=_joined([g.elements for g in graphs]).astype(np.uint8),
        shares=_joined([g.shares for g in graphs]).astype(np.float64),
        receivers=_joined([g.receivers for g in graphs]).astype(np.int32),
        senders=_joined([g.senders for g in graphs]).astype(np.int32),
        distances=_joined([g.distances for g in graphs]).astype(np.float64),
        weights=_joined([g.weights for g in graphs]).astype(np.float64),
        node_bounds=np.cumsum([0, *(len(g.elements) for g in graphs)]),
        edge_bounds=np.cumsum([0, *(len(g.distances) for g in graphs)]),
    )


def part(graphs: GraphStore, chosen: NDArray[np.int64]) -> GraphStore:
    """Some graphs of a store, `(n_graphs,)` by number, as a store of their own."""
    nodes, _ = _gathered(graphs.node_bounds, chosen)
    edges, _ = _gathered(graphs.edge_bounds, chosen)
    return GraphStore(
        elements=graphs.elements[nodes],
        shares=graphs.shares[nodes],
        receivers=graphs.receivers[edges],
        senders=graphs.senders[edges],
        distances=graphs.distances[edges],
        weights=graphs.weights[edges],
        node_bounds=np.concatenate([[0], np.cumsum(np.diff(graphs.node_bounds)[chosen])]),
        edge_bounds=np.concatenate([[0], np.cumsum(np.diff(graphs.edge_bounds)[chosen])]),
    )


@dataclass(frozen=True)
class GraphBatch:
    """Some graphs as one graph without links between its parts.

    Attributes:
        elements: Atomic numbers, `(n_nodes,)`.
        shares: Share of its cell's atoms, `(n_nodes,)`.
        graph_of_node: Number of the graph, `(n_nodes,)`.
        receivers: Node that hears, `(n_edges,)`.
        senders: Node that is heard, `(n_edges,)`.
        shells: Distance of each edge, by number, `(n_edges,)`.
        distances: Å, each once, `(n_shells,)`: half as many as edges, which halves what is computed from them.
        weights: Neighbours times envelope, `(n_edges,)`.
        n_graphs: How many graphs.
    """

    elements: Tensor
    shares: Tensor
    graph_of_node: Tensor
    receivers: Tensor
    senders: Tensor
    shells: Tensor
    distances: Tensor
    weights: Tensor
    n_graphs: int


def batch(graphs: GraphStore, chosen: NDArray[np.int64], dtype: torch.dtype = torch.float32) -> GraphBatch:
    """Gather some graphs, `(n_graphs,)` by number, into one batch."""
    nodes, graph_of_node = _gathered(graphs.node_bounds, chosen)
    edges, graph_of_edge = _gathered(graphs.edge_bounds, chosen)
    n_nodes = np.diff(graphs.node_bounds)[chosen]
    offset = np.concatenate([[0], np.cumsum(n_nodes)[:-1]])[graph_of_edge]
    distances, shells = np.unique(graphs.distances[edges], return_inverse=True)
    return GraphBatch(
        elements=torch.from_numpy(graphs.elements[nodes].astype(np.int64)),
        shares=torch.from_numpy(graphs.shares[nodes]).to(dtype),
        graph_of_node=torch.from_numpy(graph_of_node),
        receivers=torch.from_numpy(graphs.receivers[edges] + offset),
        senders=torch.from_numpy(graphs.senders[edges] + offset),
        shells=torch.from_numpy(shells),
        distances=torch.from_numpy(distances).to(dtype),
        weights=torch.from_numpy(graphs.weights[edges]).to(dtype),
        n_graphs=len(chosen),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0)


def _gathered(bounds: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the chosen graphs' rows in the store, and which of the chosen each belongs to."""
    sizes = np.diff(bounds)[chosen]
    owner = np.repeat(np.arange(len(chosen)), sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return bounds[chosen][owner] + within, owner
