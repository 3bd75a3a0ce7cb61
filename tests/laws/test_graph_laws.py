"""Laws of the crystal graph and the network on it, in float64: what the description of a crystal must not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from scipy.spatial.transform import Rotation

from athanor.models.gnn import CrystalNetwork, Shape
from athanor.models.graphs import crystal_graph as module
from athanor.models.graphs.batch import batch, store
from athanor.models.graphs.crystal_graph import crystal_graph

NAMES = ("Na", "Cl", "Ti", "O", "Si")


@pytest.fixture(scope="module")
def network() -> CrystalNetwork:
    torch.manual_seed(0)
    return CrystalNetwork(2, Shape(width=16, layers=3, gaussians=12)).double().eval()


def said(network: CrystalNetwork, *structures: Structure) -> NDArray[np.float64]:
    graphs = store([crystal_graph(structure) for structure in structures])
    with torch.no_grad():
        read = network(batch(graphs, np.arange(len(graphs)), torch.float64))
    return torch.cat([read.location, read.log_scale, read.zero_logit], dim=1).numpy()


@st.composite
def crystals(draw: st.DrawFn) -> Structure:
    """A crystal of one to six atoms without symmetry, none of them closer than about an ångström."""
    n_atoms = draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*random.uniform(4, 7, 3), *random.uniform(70, 110, 3))
    placed: list[NDArray[np.float64]] = []
    while len(placed) < n_atoms:
        point = random.uniform(0, 1, 3)
        if all(lattice.get_distance_and_image(point, other)[0] > 1.2 for other in placed):
            placed.append(point)
    return Structure(lattice, [NAMES[k] for k in random.integers(0, len(NAMES), n_atoms)], placed)


@settings(max_examples=20, deadline=None)
@given(crystals(), st.integers(0, 2**31))
def test_rotation_translation_and_order_change_nothing(network: CrystalNetwork, crystal: Structure, seed: int) -> None:
    random = np.random.default_rng(seed)
    turn = Rotation.random(random_state=random).as_matrix()
    order = random.permutation(len(crystal))
    moved = Structure(
        Lattice(crystal.lattice.matrix @ turn.T),
        [crystal[int(k)].specie for k in order],
        crystal.frac_coords[order] + random.uniform(-1, 1, 3),
    )
    assert said(network, moved) == pytest.approx(said(network, crystal), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(crystals(), st.sampled_from([(2, 1, 1), (1, 2, 2), (2, 2, 1)]))
def test_a_supercell_has_the_same_graph(
    network: CrystalNetwork, crystal: Structure, multiples: tuple[int, int, int]
) -> None:
    once, often = crystal_graph(crystal), crystal_graph(crystal * multiples)
    assert len(often.elements) == len(once.elements)
    assert len(often.distances) == len(once.distances)
    assert said(network, crystal * multiples) == pytest.approx(said(network, crystal), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(crystals())
def test_sharing_nodes_says_what_the_whole_cell_says(network: CrystalNetwork, crystal: Structure) -> None:
    double = crystal * (2, 1, 1)
    shared = said(network, double)
    with pytest.MonkeyPatch.context() as patch:
        # Every atom a node of its own.
        patch.setattr(module, "_refined", lambda elements, *_: np.arange(len(elements)))
        assert len(crystal_graph(double).elements) == len(double)
        assert said(network, double) == pytest.approx(shared, abs=1e-9)


def test_company_changes_nothing(network: CrystalNetwork) -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    rutile = Structure.from_spacegroup(136, Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.3, 0.3, 0]])
    together = said(network, salt, rutile, salt)
    assert together[0] == pytest.approx(said(network, salt)[0], abs=1e-12)
    assert together[1] == pytest.approx(said(network, rutile)[0], abs=1e-12)
    assert together[2] == pytest.approx(together[0], abs=1e-12)
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize("change", ["element", "volume", "place"])
def test_what_matters_is_seen(network: CrystalNetwork, change: str) -> None:
    lattice, names, places = Lattice.cubic(4.0), ["Si", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0.1], [0.5, 0, 0.5]]
    changed = {
        "element": Structure(lattice, ["Si", "O", "Cl"], places),
        "volume": Structure(Lattice.cubic(4.1), names, places),
        "place": Structure(lattice, names, [*places[:2], [0.5, 0.05, 0.5]]),
    }[change]
    assert np.abs(said(network, changed) - said(network, Structure(lattice, names, places))).max() > 1e-4


def test_neighbours_that_come_and_go_make_no_jump(network: CrystalNetwork) -> None:
    """Body-centred cubic: fourteen neighbours, of which six tie for the last places and then do not."""

    def cell(stretch: float) -> Structure:
        return Structure(Lattice.tetragonal(3.0, 3.0 * stretch), ["Ti", "Na"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    stretches = 1 + np.linspace(-3e-3, 3e-3, 61)
    values = np.concatenate([said(network, cell(s)) for s in stretches])
    steps = np.abs(np.diff(values, axis=0)).max(1)
    assert steps.max() < 20 * np.median(steps) + 1e-6


def test_known_neighbourhoods() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    graph = crystal_graph(salt)
    assert sorted(graph.elements) == [11, 17]
    assert graph.shares == pytest.approx([0.5, 0.5])
    # The twelve second neighbours tie for the last six places and stay away: reach is their distance.
    assert graph.distances == pytest.approx([2.82, 2.82], abs=1e-6)
    assert graph.weights == pytest.approx([6 * (1 - 2**-3)] * 2)
    assert list(graph.receivers) == [0, 1]
    assert list(graph.senders) == [1, 0]
    assert len(graph.node_of_atom) == 8


def test_a_lonely_atom_has_no_edges(network: CrystalNetwork) -> None:
    alone = Structure(Lattice.cubic(30.0), ["Na"], [[0, 0, 0]])
    assert len(crystal_graph(alone).distances) == 0
    assert np.isfinite(said(network, alone)).all()


def test_what_is_no_crystal_is_refused() -> None:
    with pytest.raises(ValueError, match="0 atoms"):
        crystal_graph(Structure(Lattice.cubic(4), [], []))
    with pytest.raises(ValueError, match="partial occupancy"):
        crystal_graph(Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]]))


def test_near_symmetry_does_not_make_the_order_matter(network: CrystalNetwork) -> None:
    """Atoms that are equal but for a thousandth of an ångström share a node, whichever of them comes first."""
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    salt.perturb(2e-4, seed=0)
    assert len(crystal_graph(salt).elements) == 2
    turned = Structure.from_sites([salt[k] for k in np.random.default_rng(0).permutation(len(salt))])
    assert said(network, turned) == pytest.approx(said(network, salt), abs=1e-12)
