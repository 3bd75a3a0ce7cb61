"""What is decoded keeps every wish, whatever the network says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from athanor.models.vae.decode import decode
from athanor.models.vae.lattice import n_atoms
from athanor.models.vae.network import CrystalNetwork, Shape
from athanor.models.vae.promise import promise
from athanor.models.vae.reach import next_sites, possible_groups, reachable
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.tables import sites

ELEMENTS = ("Na", "Mg", "Ti", "Fe", "O", "S", "Cl")
torch.manual_seed(0)
NETWORK = CrystalNetwork(
    Shape(width=32, heads=2, encoder_blocks=1, kind_blocks=1, frame_blocks=1, place_blocks=1, latent=4), ELEMENTS, 1
).eval()


@st.composite
def wishes(draw: st.DrawFn) -> DecodingWish:
    only = draw(st.none() | st.frozensets(st.sampled_from(ELEMENTS), min_size=2))
    left = sorted(only or ELEMENTS)
    wanted = draw(st.frozensets(st.sampled_from(left), max_size=2))
    low = draw(st.integers(1, 20))
    return DecodingWish(
        only=only,
        with_all=wanted,
        without=draw(st.frozensets(st.sampled_from(left), max_size=1)) - wanted if len(left) > 2 else frozenset(),
        spacegroups=draw(st.none() | st.frozensets(st.integers(1, 230), min_size=1, max_size=40)),
        atoms=(low, draw(st.integers(low, 20))),
        n_elements=(1, draw(st.integers(max(1, len(wanted)), 5))),
    )


@settings(max_examples=60, deadline=None)
@given(wish=wishes(), seed=st.integers(0, 1000), temperature=st.sampled_from([0.0, 0.7, 2.0]))
def test_every_crystal_keeps_the_wish(wish: DecodingWish, seed: int, temperature: float) -> None:
    draws = torch.Generator().manual_seed(seed)
    for found in decode(NETWORK, torch.randn(6, 4, generator=draws), wish, temperature, draws):
        assert (found.crystal is None) == bool(found.fault)
        if found.crystal is not None:
            assert wish.broken(found.crystal, n_atoms(found.crystal)) is None


def test_the_same_seed_gives_the_same_crystals() -> None:
    points = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    once, again, other = (
        decode(NETWORK, points, DecodingWish(), 1.0, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert once == again
    assert once != other


def test_a_number_of_atoms_that_no_group_reaches_is_said() -> None:
    groups = frozenset({228})  # its smallest position holds 4 atoms of the primitive cell
    wish = DecodingWish(spacegroups=groups, atoms=(1, 3))
    assert [found.fault for found in decode(NETWORK, torch.zeros(2, 4), wish, 0.0, torch.Generator())] == [
        "spacegroup",
        "spacegroup",
    ]


def test_reach_agrees_with_counting() -> None:
    """Of Fm-3m, 1 atom: a, b; 2: c, d is 2 of 8; by hand up to 8 atoms."""
    can = np.flatnonzero(reachable()[224, 0, :9])
    assert [site.multiplicity for site in sites(225)][:4] == [1, 1, 2, 6]
    assert can.tolist() == [0, 1, 2, 3, 4, 6, 7, 8]
    assert not possible_groups((5, 5))[224]


def test_a_position_without_freedom_is_filled_once() -> None:
    allowed = next_sites(np.array([224]), np.array([0]), np.array([1]), (1, 20))
    assert not allowed[0, 0]
    assert allowed[0, 1]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"with_all": {"O"}, "without": {"O"}}, "both wanted and banned"),
        ({"with_all": {"O"}, "only": {"S"}}, "not among the only elements allowed"),
        ({"only": {"S"}, "without": {"S"}}, "no element is left"),
        ({"spacegroups": {231}}, "1 to 230 are allowed"),
        ({"spacegroups": set()}, "no space group is left"),
        ({"atoms": (8, 4)}, "smallest <= largest"),
        ({"atoms": (1, 30)}, "largest <= 20"),
        ({"with_all": {"O", "S"}, "n_elements": (1, 1)}, "crystals of at most 1"),
    ],
)
def test_wishes_that_contradict_themselves(wish: dict[str, object], message: str) -> None:
    given = {name: frozenset(value) if isinstance(value, set) else value for name, value in wish.items()}
    with pytest.raises(ValueError, match=message):
        DecodingWish(**given)  # type: ignore[arg-type]


def test_promise_is_a_probability_and_falls_with_every_further_wish() -> None:
    points = torch.randn(8, 4, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        none = promise(NETWORK, points, DecodingWish())
        some = promise(NETWORK, points, DecodingWish(without=frozenset({"O"})))
        more = promise(NETWORK, points, DecodingWish(without=frozenset({"O"}), spacegroups=frozenset({225})))
        exact = promise(NETWORK, points, DecodingWish(n_elements=(2, 2)))
        every = promise(NETWORK, points, DecodingWish(n_elements=(1, 7)))
    assert torch.all(none <= 1e-5)
    assert torch.all(some < none)
    assert torch.all(more < some)
    assert torch.all(exact < every)
