"""The crystal network: message passing over kinds of atom, a readout, and a head for every target.

Knows torch, layers and graph batches. Knows no files, no training and no structures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .graphs.batch import GraphBatch
from .graphs.crystal_graph import CUTOFF
from .layers import GatedLayer, GaussianBasis

MAX_ELEMENT = 118


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Attributes:
        width: Features of a node.
        layers: Rounds of message passing.
        gaussians: Functions that a distance is spread over.
    """

    width: int = 128
    layers: int = 4
    gaussians: int = 48


@dataclass(frozen=True)
class Readout:
    """What a network says of a batch, in the standardised scale it was trained on.

    Attributes:
        location: Most likely deviation from the baseline, `(n_graphs, n_targets)`.
        log_scale: Logarithm of the Laplace scale of its error, `(n_graphs, n_targets)`.
        zero_logit: Log odds that the value is zero, `(n_graphs, n_targets)`; of use for targets of kind `gap`.
        latent: What the head reads: mean and largest node feature, `(n_graphs, 2 * width)`.
    """

    location: Tensor
    log_scale: Tensor
    zero_logit: Tensor
    latent: Tensor


class CrystalNetwork(nn.Module):
    """Element embedding, gated message passing, mean and maximum over atoms, and a head of two hidden layers.

    The output does not change under rotation, translation, permutation of atoms, or the choice of cell: it reads
    nothing but elements and distances, and it weighs each kind of atom by its share of the cell.

    Args:
        n_targets: Properties it is to speak of.
        shape: Its sizes.
    """

    def __init__(self, n_targets: int, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.embedding = nn.Embedding(MAX_ELEMENT + 1, width)
        self.basis = GaussianBasis(shape.gaussians, 0.7, CUTOFF)
        self.edge = nn.Sequential(nn.Linear(shape.gaussians, width), nn.SiLU())
        self.passing = nn.ModuleList(GatedLayer(width, width) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * n_targets)
        )

    def forward(self, graphs: GraphBatch) -> Readout:
        """Read a batch of graphs."""
        return self.read_out(self.embedding(graphs.elements), graphs)

    def read_out(self, embedded: Tensor, graphs: GraphBatch) -> Readout:
        """Read a batch whose elements are embedded already, `(n_nodes, width)`: what attribution varies."""
        nodes = self.node_features(embedded, graphs)[-1]
        latent = self.pool(nodes, graphs)
        location, log_scale, zero_logit = self.head(latent).chunk(3, dim=1)
        # A metal's gap is known so well that its scale would run away from what single precision holds.
        return Readout(location, log_scale.clamp(-7.0, 5.0), zero_logit, latent)

    def node_features(self, embedded: Tensor, graphs: GraphBatch) -> list[Tensor]:
        """Features of the nodes, `(n_nodes, width)`, before and after each round of message passing."""
        edges = self.edge(self.basis(graphs.distances))
        seen = [embedded]
        for passing in self.passing:
            seen.append(passing(seen[-1], graphs.receivers, graphs.senders, edges, graphs.shells, graphs.weights))
        return seen

    def pool(self, nodes: Tensor, graphs: GraphBatch) -> Tensor:
        """Mean over the cell's atoms and largest value over its kinds of atom, `(n_graphs, 2 * width)`."""
        read = self.norm(nodes)
        shape = (graphs.n_graphs, read.shape[1])
        mean = read.new_zeros(shape).index_add_(0, graphs.graph_of_node, read * graphs.shares[:, None])
        index = graphs.graph_of_node[:, None].expand_as(read)
        largest = read.new_zeros(shape).scatter_reduce(0, index, read, "amax", include_self=False)
        return torch.cat([mean, largest], dim=1)
