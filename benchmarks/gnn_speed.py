"""Crystals per CPU second on one core: the network, CGCNN's reference network and CHGNet, side by side.

All read the same crystals of MP-20 in the same run. `python benchmarks/gnn_speed.py --data FOLDER`
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import mp20
import numpy as np
import torch
from chgnet.model import CHGNet
from record import write_result
from torch import Tensor, nn

from athanor.models.ensemble import ask
from athanor.models.gnn import CrystalNetwork, Shape
from athanor.models.graphs import crystal_graph as graphs_of
from athanor.models.graphs.batch import GraphBatch, GraphStore, batch, store
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.threads import configure_torch
from athanor.models.training.loss import loss
from athanor.tools.predictor import shipped_predictor

CRYSTALS, CHGNET_CRYSTALS, REPEATS = 1024, 128, 5
BATCH = 64


class ReferenceConvolution(nn.Module):
    """CGCNN's convolution as published: one matrix on the concatenation, batch norms, softplus."""

    def __init__(self, width: int, n_edge_features: int) -> None:
        super().__init__()
        self.full = nn.Linear(2 * width + n_edge_features, 2 * width)
        self.first, self.second = nn.BatchNorm1d(2 * width), nn.BatchNorm1d(width)

    def forward(self, nodes: Tensor, receivers: Tensor, senders: Tensor, edges: Tensor) -> Tensor:
        """Pass one round."""
        both = self.first(self.full(torch.cat([nodes[receivers], nodes[senders], edges], dim=1)))
        gate, content = both.chunk(2, dim=1)
        message = torch.sigmoid(gate) * nn.functional.softplus(content)
        heard = torch.zeros_like(nodes).index_add_(0, receivers, message)
        return nn.functional.softplus(nodes + self.second(heard))


class ReferenceNetwork(nn.Module):
    """CGCNN with its published sizes: 64 features, 3 convolutions, 41 Gaussians, 128 hidden, one output."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(119, 64)
        self.register_buffer("centres", torch.linspace(0, 8, 41))
        self.layers = nn.ModuleList(ReferenceConvolution(64, 41) for _ in range(3))
        self.head = nn.Sequential(nn.Softplus(), nn.Linear(64, 128), nn.Softplus(), nn.Linear(128, 1))

    def forward(self, graphs: GraphBatch) -> Tensor:
        """One number a crystal."""
        nodes = self.embedding(graphs.elements)
        edges = torch.exp(-(((graphs.distances[graphs.shells, None] - self.centres) / 0.2) ** 2).clamp(max=30.0))
        for layer in self.layers:
            nodes = layer(nodes, graphs.receivers, graphs.senders, edges)
        pooled = torch.zeros(graphs.n_graphs, 64).index_add_(0, graphs.graph_of_node, nodes * graphs.shares[:, None])
        return self.head(pooled)


def rate(count: int, work: Callable[[], object]) -> float:
    """Crystals per CPU second: the median of some repeats after a first."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return round(count / statistics.median(seconds), 1)


def epoch(graphs: GraphStore, step: Callable[[np.ndarray], None]) -> Callable[[], None]:
    """A pass over the crystals in batches."""
    parts = [np.arange(first, first + BATCH) for first in range(0, len(graphs), BATCH)]
    return lambda: [step(part) for part in parts][-1]


def trainer(network: nn.Module, value: Callable[[np.ndarray], Tensor]) -> Callable[[np.ndarray], None]:
    """A training step: forward, backward, AdamW."""
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)

    def step(rows: np.ndarray) -> None:
        optimiser.zero_grad(set_to_none=True)
        value(rows).backward()
        optimiser.step()

    return step


def main() -> None:
    """Measure, print and write results/gnn_speed.json."""
    folder = mp20.data_folder(__doc__)
    configure_torch()
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    rows = mp20.table(folder, "val").sample(CRYSTALS, random_state=0)
    crystals = mp20.structures(rows)
    shared = store([graphs_of.crystal_graph(c) for c in crystals])
    refine = graphs_of._refined
    graphs_of._refined = lambda elements, *_: np.arange(len(elements))
    whole = store([graphs_of.crystal_graph(c) for c in crystals])
    graphs_of._refined = refine
    labels = torch.tensor(rows[["formation_energy_per_atom", "band_gap"]].to_numpy(), dtype=torch.float32)
    ensemble, own, reference = shipped_predictor(), CrystalNetwork(2, Shape()), ReferenceNetwork()
    is_gap, zero = torch.tensor([0.0, 1.0]), (labels == 0).float()

    def own_loss(graphs: GraphStore, chosen: np.ndarray) -> Tensor:
        return loss(own(batch(graphs, chosen)), labels[chosen], zero[chosen], is_gap)

    def reference_loss(chosen: np.ndarray) -> Tensor:
        return (reference(batch(whole, chosen))[:, 0] - labels[chosen, 0]).abs().mean()

    figures = {
        "crystals": {
            "number": CRYSTALS,
            "atoms": float(np.mean([len(c) for c in crystals])),
            "nodes": len(shared.elements) / CRYSTALS,
            "edges": len(shared.distances) / CRYSTALS,
            "edges_of_whole_cell": len(whole.distances) / CRYSTALS,
        },
        "parameters": {
            "own": sum(p.numel() for p in own.parameters()),
            "reference": sum(p.numel() for p in reference.parameters()),
        },
        "graphs_per_s": rate(CRYSTALS, lambda: [graphs_of.crystal_graph(c) for c in crystals]),
        "training_per_s": {
            "own": rate(CRYSTALS, epoch(shared, trainer(own, lambda chosen: own_loss(shared, chosen)))),
            "own_on_whole_cells": rate(CRYSTALS, epoch(whole, trainer(own, lambda chosen: own_loss(whole, chosen)))),
            "reference": rate(CRYSTALS, epoch(whole, trainer(reference, reference_loss))),
        },
    }
    reference.eval()
    with torch.no_grad():
        targets, members = (FORMATION_ENERGY, BAND_GAP), ensemble.members
        figures["inference_per_s"] = {
            "ensemble_of_4": rate(CRYSTALS, lambda: ensemble.predict_graphs(shared)),
            "ensemble_of_4_with_graphs": rate(CRYSTALS, lambda: ensemble.predict(crystals)),
            "one_member": rate(CRYSTALS, lambda: ask(members[:1], shared, ensemble.baseline, targets)),
            "reference": rate(CRYSTALS, epoch(whole, lambda chosen: reference(batch(whole, chosen)))),
        }
    chgnet = CHGNet.load(verbose=False, use_device="cpu")
    some = crystals[:CHGNET_CRYSTALS]
    made = [chgnet.graph_converter(c) for c in some]
    figures["inference_per_s"] |= {
        "chgnet_energy": rate(CHGNET_CRYSTALS, lambda: chgnet.predict_graph(made, task="e", batch_size=16)),
        "chgnet_energy_with_graphs": rate(
            CHGNET_CRYSTALS, lambda: chgnet.predict_structure(some, task="e", batch_size=16)
        ),
    }
    print(figures)
    print(write_result("gnn_speed", {"seed": 0, "repeats": REPEATS, "threads": 1, **figures}))


if __name__ == "__main__":
    main()
