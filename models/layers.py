"""Message-passing layers on crystal graphs, and the Gaussian basis that distances are read through.

Knows torch. Knows no crystals and no targets.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

QUIETER = 0.25
"""Factor on a sum of messages: it starts out about as large as a single message."""


class TextbookLayer(nn.Module):
    """The simplest message passing: h_i' = σ(W (h_i + Σ_j w_ij h_j)).

    Every atom adds its neighbours' features to its own, and one matrix and one nonlinearity follow. It is here to
    be read and compared with; it knows no distances.

    Args:
        width: Features of a node.
        activation: σ.
    """

    def __init__(self, width: int, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.activation = activation or nn.SiLU()

    def forward(self, nodes: Tensor, receivers: Tensor, senders: Tensor, weights: Tensor) -> Tensor:
        """Pass one round of messages.

        Args:
            nodes: Features `(n_nodes, width)`.
            receivers: Node that hears, `(n_edges,)`.
            senders: Node that is heard, `(n_edges,)`.
            weights: How many equal neighbours an edge stands for, `(n_edges,)`.

        Returns:
            Features `(n_nodes, width)`.
        """
        heard = torch.zeros_like(nodes).index_add_(0, receivers, nodes[senders] * weights[:, None])
        passed: Tensor = self.activation(self.linear(nodes + heard))
        return passed


class GatedLayer(nn.Module):
    """Message passing that reads the distance: h_i' = h_i + D ¼ Σ_j w_ij σ(g_ij) ⊙ SiLU(c_ij).

    Gate and content are (g_ij, c_ij) = A n_i + B n_j + C e_ij with n = LayerNorm(h): the gated convolution of CGCNN
    (Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), doi:10.1103/PhysRevLett.120.145301, equation 5), with the
    concatenation split into three products, so that the two large ones run over nodes and not over edges.

    Args:
        width: Features of a node.
        n_edge_features: Features of an edge.
    """

    def __init__(self, width: int, n_edge_features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.receiver = nn.Linear(width, 2 * width)
        self.sender = nn.Linear(width, 2 * width, bias=False)
        self.edge = nn.Linear(n_edge_features, 2 * width, bias=False)
        self.mix = nn.Linear(width, width)

    def forward(
        self, nodes: Tensor, receivers: Tensor, senders: Tensor, edges: Tensor, shells: Tensor, weights: Tensor
    ) -> Tensor:
        """Pass one round of messages.

        Args:
            nodes: Features `(n_nodes, width)`.
            receivers: Node that hears, `(n_edges,)`.
            senders: Node that is heard, `(n_edges,)`.
            edges: Features of each distance that occurs, `(n_shells, n_edge_features)`.
            shells: Which of them an edge has, `(n_edges,)`.
            weights: Neighbours times envelope, `(n_edges,)`.

        Returns:
            Features `(n_nodes, width)`.
        """
        gate, content = self.signals(nodes, receivers, senders, edges, shells)
        messages = torch.sigmoid(gate) * nn.functional.silu(content) * (QUIETER * weights)[:, None]
        heard = torch.zeros_like(nodes).index_add_(0, receivers, messages)
        passed: Tensor = nodes + self.mix(heard)
        return passed

    def signals(
        self, nodes: Tensor, receivers: Tensor, senders: Tensor, edges: Tensor, shells: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What decides over each message: gate and content before their nonlinearities, `(n_edges, width)` each."""
        read = self.norm(nodes)
        # Added in place: the sums over edges are the largest arrays there are, and memory is what they cost.
        summed = self.receiver(read).index_select(0, receivers)
        summed += self.sender(read).index_select(0, senders)
        summed += self.edge(edges).index_select(0, shells)
        gate, content = summed.chunk(2, dim=1)
        return gate, content


class GaussianBasis(nn.Module):
    """Distances as overlaps with evenly spaced Gaussians, exp(-(d - μ_k)² / 2w²).

    Args:
        count: Number of Gaussians.
        low: Centre of the first, Å.
        high: Centre of the last, Å.
    """

    centres: Tensor

    def __init__(self, count: int, low: float, high: float) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(low, high, count), persistent=False)
        self.width = (high - low) / (count - 1)

    def forward(self, distances: Tensor) -> Tensor:
        """Spread distances in Å `(n_edges,)` over the basis, `(n_edges, count)`.

        The exponent ends at -30: smaller values are denormal numbers after a product or two, which a processor
        multiplies a hundred times slower.
        """
        ratio = (distances[:, None] - self.centres.to(distances.dtype)) / self.width
        return torch.exp((-0.5 * ratio * ratio).clamp(min=-30.0))
