"""Attribution against what it must give: sums, symmetry, supercells, and a case that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure
from torch import nn

from athanor.models.attribution import Attribution, attribute
from athanor.models.ensemble import GnnEnsemble
from athanor.models.gnn import MAX_ELEMENT, CrystalNetwork, Readout, Shape
from athanor.models.graphs.batch import GraphBatch, batch, store
from athanor.models.graphs.crystal_graph import crystal_graph
from athanor.models.messages import messages
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.training.baseline import Baseline
from athanor.models.uncertainty.novelty import Novelty

ELEMENTS = frozenset({"H", "O", "Na", "Mg", "Cl", "Ca", "Ti", "Fe"})
SODIUM, CHLORINE = 11, 17


def ensemble_of(*members: CrystalNetwork) -> GnnEnsemble:
    """An ensemble in float64 with a linear part; nobody here asks for deviations."""
    weights = np.random.default_rng(5).normal(size=(MAX_ELEMENT + 1, 2))
    weights[:, 1] = 0.0
    novelty = Novelty(np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1), dtype=np.float32), 1.0)
    return GnnEnsemble(
        name="made up",
        targets=(FORMATION_ENERGY, BAND_GAP),
        elements=ELEMENTS,
        members=members,
        baseline=Baseline(weights, np.array([0.3, 1.6])),
        calibrations=(),
        novelty=novelty,
    )


def random_network(seed: int) -> CrystalNetwork:
    torch.manual_seed(seed)
    return CrystalNetwork(2, Shape(width=24, layers=2, gaussians=16)).double().eval()


@pytest.fixture(scope="module")
def random() -> GnnEnsemble:
    return ensemble_of(random_network(0), random_network(1))


def said_by(ensemble: GnnEnsemble, structure: Structure, column: int) -> float:
    """The mean prediction, computed without attribution, the sign of a gap dropped."""
    graph = crystal_graph(structure)
    graphs = batch(store([graph]), np.zeros(1, dtype=np.int64), torch.float64)
    with torch.no_grad():
        values = [float(member(graphs).location[0, column]) for member in ensemble.members]
    linear = float(graph.shares @ ensemble.baseline.weights[graph.elements, column])
    whole = linear + float(ensemble.baseline.scales[column]) * float(np.mean(values))
    return abs(whole) if column == 1 else whole


def salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.69), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def perovskite() -> Structure:
    """CaTiO₃, whose oxygen atoms are of two kinds."""
    places = [[0.036, 0.25, 0.993], [0, 0, 0.5], [0.484, 0.25, 0.071], [0.289, 0.037, 0.711]]
    return Structure.from_spacegroup("Pnma", Lattice.orthorhombic(5.44, 7.65, 5.38), ["Ca", "Ti", "O", "O"], places)


@pytest.mark.parametrize("name", ["formation_energy", "band_gap"])
@pytest.mark.parametrize("structure", [salt(), perovskite()], ids=["salt", "perovskite"])
def test_contributions_sum_up_to_prediction_less_reference(
    random: GnnEnsemble, structure: Structure, name: str
) -> None:
    column = ["formation_energy", "band_gap"].index(name)
    found = attribute(random, crystal_graph(structure), name)
    scale = float(random.baseline.scales[column])
    assert found.prediction == pytest.approx(said_by(random, structure, column), abs=1e-5)
    assert len(found.atoms) == len(structure)
    assert found.atoms.sum() == pytest.approx(found.prediction - found.reference, abs=2e-3 * scale)
    assert sum(found.elements.values()) == pytest.approx(found.atoms.sum(), abs=1e-12)
    assert found.missed == pytest.approx(found.prediction - found.reference - found.atoms.sum(), abs=1e-12)
    assert np.abs(found.atoms).max() > 1e-3 * scale, "there is something to sum up"


def test_equivalent_atoms_count_the_same_and_other_kinds_do_not(random: GnnEnsemble) -> None:
    structure = perovskite()
    found = attribute(random, crystal_graph(structure), "formation_energy")
    oxygen = [n for n, number in enumerate(structure.atomic_numbers) if number == 8]
    first, second = found.atoms[oxygen[:4]], found.atoms[oxygen[4:]]
    assert np.ptp(first) == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(second) == pytest.approx(0.0, abs=1e-12)
    assert abs(first[0] - second[0]) > 1e-6


def test_a_supercell_has_the_same_contributions_by_element(random: GnnEnsemble) -> None:
    structure = perovskite()
    whole = attribute(random, crystal_graph(structure), "formation_energy")
    doubled = attribute(random, crystal_graph(structure * (2, 1, 1)), "formation_energy")
    assert doubled.elements == pytest.approx(whole.elements, abs=1e-6)
    assert doubled.occlusion == pytest.approx(whole.occlusion, abs=1e-6)
    assert doubled.atoms[0] == pytest.approx(whole.atoms[0] / 2, abs=1e-6)


class _Linear(CrystalNetwork):
    """Reads the mean over the atoms of the first feature: attribution can be worked out by hand."""

    def read_out(self, embedded: torch.Tensor, graphs: GraphBatch) -> Readout:
        value = embedded.new_zeros(graphs.n_graphs).index_add_(0, graphs.graph_of_node, embedded[:, 0] * graphs.shares)
        both = torch.stack([value, value], dim=1)
        return Readout(both, both, both, both)


@pytest.fixture(scope="module")
def linear() -> tuple[GnnEnsemble, Attribution]:
    torch.manual_seed(3)
    network = _Linear(2, Shape(width=4, layers=1, gaussians=4)).double()
    nn.init.normal_(network.embedding.weight, 2.0, 1.0)
    ensemble = ensemble_of(network)
    return ensemble, attribute(ensemble, crystal_graph(salt()), "formation_energy")


def test_a_linear_network_is_attributed_as_by_hand(linear: tuple[GnnEnsemble, Attribution]) -> None:
    ensemble, found = linear
    known = [1, 8, 11, 12, 17, 20, 22, 26]
    values = 0.3 * ensemble.members[0].embedding.weight[:, 0].detach().numpy() + ensemble.baseline.weights[:, 0]
    assert found.reference == pytest.approx(values[known].mean(), abs=1e-9)
    for number in (SODIUM, CHLORINE):
        assert found.elements[number] == pytest.approx(0.5 * (values[number] - values[known].mean()), abs=1e-9)
        # Each of the four atoms of an element in the cubic cell counts a quarter of it.
        assert (np.isclose(found.atoms, found.elements[number] / 4, atol=1e-9)).sum() == 4


def test_occlusion_agrees_where_nothing_acts_together(linear: tuple[GnnEnsemble, Attribution]) -> None:
    _, found = linear
    assert found.occlusion == pytest.approx(found.elements, abs=1e-9)
    assert abs(found.elements[SODIUM] - found.elements[CHLORINE]) > 1e-3


def test_occlusion_is_what_the_prediction_loses(random: GnnEnsemble) -> None:
    """In a crystal of one element nothing is left, so that occlusion and the sum of contributions are one."""
    iron = Structure.from_spacegroup("Im-3m", Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]])
    found = attribute(random, crystal_graph(iron), "formation_energy")
    assert found.occlusion[26] == pytest.approx(found.prediction - found.reference, abs=1e-12)
    assert found.occlusion[26] == pytest.approx(found.elements[26], abs=1e-3)


def test_a_gap_is_attributed_as_it_is_predicted_without_sign() -> None:
    """On the way from the mean atom the members' mean crosses zero: what is lost before counts against the sign."""
    torch.manual_seed(3)
    network = _Linear(2, Shape(width=4, layers=1, gaussians=4)).double()
    with torch.no_grad():
        network.embedding.weight.zero_()
        network.embedding.weight[SODIUM, 0] = 3.0
        network.embedding.weight[[1, 8, 12, CHLORINE, 20, 22, 26], 0] = torch.tensor(
            [-3.0, -3.0, -3.0, -1.0, -3.0, -3.0, -3.0], dtype=torch.float64
        )
    found = attribute(ensemble_of(network), crystal_graph(salt()), "band_gap")
    # The mean atom's -2 is said as 2 in the scale of 1.6 eV, the salt's (3 - 1) / 2 as 1: the way is 3 down and up.
    assert found.prediction == pytest.approx(1.6 * 1.0, abs=1e-9)
    assert found.reference == pytest.approx(1.6 * 2.0, abs=1e-9)
    assert found.atoms.sum() == pytest.approx(-1.6, abs=1e-3)
    # Two thirds of the way count down and one third up, for sodium with 5 / 2 and for chlorine with 1 / 2.
    assert found.elements[SODIUM] == pytest.approx(-1.6 * 2.5 / 3, abs=1e-3)
    assert found.elements[CHLORINE] == pytest.approx(-1.6 * 0.5 / 3, abs=1e-3)


def test_what_cannot_be_attributed_is_refused(random: GnnEnsemble) -> None:
    with pytest.raises(ValueError, match=r"hardness.*made up.*formation_energy, band_gap"):
        attribute(random, crystal_graph(salt()), "hardness")
    gold = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.08), ["Au"], [[0, 0, 0]])
    with pytest.raises(ValueError, match="Au: not in the training data"):
        attribute(random, crystal_graph(gold), "formation_energy")


def test_gates_are_those_of_the_layers(random: GnnEnsemble) -> None:
    """The gates that are shown, put back into the layer's formula, give what the layer gives."""
    network = random.members[0]
    graph = crystal_graph(perovskite())
    shown = messages([network], graph)
    graphs = batch(store([graph]), np.zeros(1, dtype=np.int64), torch.float64)
    embedded = network.embedding(graphs.elements)
    seen = network.node_features(embedded, graphs)
    caught: list[torch.Tensor] = []
    original = torch.sigmoid

    def sigmoid(x: torch.Tensor) -> torch.Tensor:
        caught.append(original(x))
        return caught[-1]

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch, "sigmoid", sigmoid)
        network.node_features(embedded, graphs)
    assert shown.gates == pytest.approx(np.array([gate.mean(1).numpy() for gate in caught]), abs=1e-12)
    assert shown.gates.shape == (2, len(graph.distances))
    change = (seen[1] - seen[0]).norm(dim=1) / seen[0].norm(dim=1)
    assert shown.changes[0] == pytest.approx(change.detach().numpy(), abs=1e-12)
