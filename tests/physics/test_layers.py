"""Message-passing layers against arithmetic done by hand or written out."""

from __future__ import annotations

import pytest
import torch

from athanor.models.layers import QUIETER, GatedLayer, GaussianBasis, TextbookLayer


def test_water_by_hand() -> None:
    """O with features (8, 2), each H with (1, 1); O hears both H, each H hears O; W = ((1, 0), (1, -1)), σ = ReLU."""
    nodes = torch.tensor([[8.0, 2.0], [1.0, 1.0], [1.0, 1.0]])
    receivers, senders = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 2, 0, 0])
    layer = TextbookLayer(2, torch.nn.ReLU())
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, -1.0]]))
        passed = layer(nodes, receivers, senders, torch.ones(4))
    # O: (8, 2) + 2 (1, 1) = (10, 4) -> (10, 10 - 4) = (10, 6); H: (1, 1) + (8, 2) = (9, 3) -> (9, 9 - 3) = (9, 6).
    assert passed.tolist() == [[10.0, 6.0], [9.0, 6.0], [9.0, 6.0]]


def test_two_like_hydrogens_can_share_a_node() -> None:
    layer = TextbookLayer(2).double()
    nodes = torch.tensor([[8.0, 2.0], [1.0, 1.0]], dtype=torch.float64)
    shared = layer(nodes, torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([2.0, 1.0], dtype=torch.float64))
    whole = layer(
        nodes[[0, 1, 1]], torch.tensor([0, 0, 1, 2]), torch.tensor([1, 2, 0, 0]), torch.ones(4, dtype=torch.float64)
    )
    assert torch.allclose(shared, whole[:2])


def test_gated_layer_is_cgcnn_s_convolution_written_out() -> None:
    """The three products equal one matrix on the concatenation (n_i, n_j, e_ij), an edge at a time."""
    torch.manual_seed(1)
    layer = GatedLayer(4, 3).double()
    nodes = torch.randn(3, 4, dtype=torch.float64)
    edges = torch.randn(4, 3, dtype=torch.float64)
    shells = torch.tensor([0, 1, 1, 2, 3])
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0], dtype=torch.float64)
    receivers, senders = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([1, 2, 0, 0, 2])
    joined = torch.cat([layer.receiver.weight, layer.sender.weight, layer.edge.weight], dim=1)
    normed = layer.norm(nodes)
    heard = torch.zeros_like(nodes)
    for i, j, e, w in zip(receivers, senders, edges[shells], weights, strict=True):
        both = joined @ torch.cat([normed[i], normed[j], e]) + layer.receiver.bias
        heard[i] = heard[i] + QUIETER * w * torch.sigmoid(both[:4]) * torch.nn.functional.silu(both[4:])
    assert torch.allclose(layer(nodes, receivers, senders, edges, shells, weights), nodes + layer.mix(heard))


def test_gaussians_are_one_at_their_centres_and_never_denormal() -> None:
    basis = GaussianBasis(5, 1.0, 3.0)
    assert torch.allclose(basis(basis.centres).diagonal(), torch.ones(5))
    assert basis(torch.tensor([1.5]))[0, 0].item() == pytest.approx(0.6065, abs=1e-4)  # exp(-1/2), one width away
    assert basis(torch.tensor([500.0])).min() > 1e-30
