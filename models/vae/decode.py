"""From latent points to crystals: kinds, lattice and coordinates, with what is not wished for masked out.

Knows the networks, tokens and wishes. Must not know where latent points come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..wyckoff.expand import expand
from ..wyckoff.tables import LETTERS
from ..wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from .latent_model import Decoded
from .lattice import N_LATTICE, from_numbers
from .layout import lay_out
from .network import CrystalNetwork
from .pick import Pick
from .reach import next_sites, possible_groups
from .tokens import N_SITES, STOP, Tokens
from .wish import MAX_ATOMS, DecodingWish


@dataclass
class _Unfinished:
    """Crystals while they are decoded; rows of crystals that failed or ended are no longer written."""

    tokens: Tokens
    atoms: NDArray[np.int64]
    present: NDArray[np.bool_]
    faults: list[str]


@torch.no_grad()
def decode(
    network: CrystalNetwork, points: Tensor, wish: DecodingWish, temperature: float, draws: torch.Generator
) -> tuple[Decoded, ...]:
    """Decode latent points `(n, latent)`.

    Args:
        network: In evaluation mode.
        points: Where to decode.
        wish: What every crystal keeps; choices that break it are masked.
        temperature: 0 for the likeliest choice at each step, 1 for the network's own probabilities.
        draws: Random numbers.
    """
    pick = Pick(temperature, draws)
    n = len(points)
    group_mask = possible_groups(wish.atoms)
    if wish.spacegroups is not None:
        group_mask = group_mask & np.isin(np.arange(1, len(group_mask) + 1), list(wish.spacegroups))
    if not group_mask.any():
        return tuple(Decoded(None, "spacegroup") for _ in range(n))
    group = pick(network.decoder.group_of(points), torch.from_numpy(group_mask).expand(n, -1))
    state = _Unfinished(
        Tokens(
            group,
            torch.full((n, MAX_ATOMS), STOP),
            torch.zeros(n, MAX_ATOMS, dtype=torch.long),
            torch.zeros(n, MAX_ATOMS, 3),
            torch.zeros(n, N_LATTICE),
            torch.zeros(n, dtype=torch.long),
        ),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, len(network.symbols)), dtype=bool),
        [""] * n,
    )
    rows = torch.arange(n)
    while len(rows):
        rows = _next_kind(network, points, rows, state, wish, pick)
    for length in state.tokens.length.unique().tolist():
        rows = (state.tokens.length == length).nonzero().squeeze(1)
        if length:
            given = _so_far(state, rows)
            lay_out(network, points[rows], given, pick)
            state.tokens.lattice[rows], state.tokens.free[rows, :length] = given.lattice, given.free
    return tuple(_finished(network, state, row, wish) for row in range(n))


def _next_kind(
    network: CrystalNetwork, points: Tensor, rows: Tensor, state: _Unfinished, wish: DecodingWish, pick: Pick
) -> Tensor:
    """Give one more orbit to the crystals of some rows, all of the same length; which of them want still more."""
    words, decoder, tokens = network.words, network.decoder, state.tokens
    place = int(tokens.length[rows[0]])
    given = _so_far(state, rows)
    sites = words.sites(given.group)
    kinds, atoms = network.kinds(given)[:, :place], network.atoms(given)[:, : place + 1]
    context = decoder.kind_context(points[rows], words.group(given.group), kinds, atoms)[:, -1]
    before = given.site[:, place - 1].numpy() if place else np.full(len(rows), -1)
    allowed = next_sites(given.group.numpy(), before, state.atoms[rows.numpy()], wish.atoms)
    allowed[:, STOP] &= _may_stop(network, state.present[rows.numpy()], wish)
    alive = _alive(state, rows, allowed)
    if not len(alive):
        return alive
    site = pick(decoder.site_logits(context[alive, None], sites[alive])[:, 0], torch.from_numpy(allowed)[alive])
    alive, site = alive[site < N_SITES], site[site < N_SITES]

    elements = _elements(network, state, rows[alive], site, wish)
    still = _alive(state, rows[alive], elements)
    alive, site = alive[still], site[still]
    if not len(alive):
        return alive
    logits = decoder.element_logits(context[alive], sites[alive, site], words.elements())
    element = pick(logits, torch.from_numpy(elements)[still])
    rows = rows[alive]
    tokens.site[rows, place], tokens.element[rows, place] = site, element
    tokens.length[rows] = place + 1
    state.present[rows.numpy(), element.numpy()] = True
    state.atoms[rows.numpy()] += words.table.multiplicity[tokens.group[rows], site].numpy()
    return rows


def _alive(state: _Unfinished, rows: Tensor, allowed: NDArray[np.bool_]) -> Tensor:
    """Indices of the rows that have a choice left; the others have failed."""
    going = allowed.any(1)
    for row in rows[torch.from_numpy(~going)].tolist():
        state.faults[row] = "dead_end"
    return torch.from_numpy(np.flatnonzero(going))


def _so_far(state: _Unfinished, rows: Tensor) -> Tokens:
    length = int(state.tokens.length[rows[0]])
    given = state.tokens
    places = slice(0, max(length, 1))
    return Tokens(
        given.group[rows],
        given.site[rows, places],
        given.element[rows, places],
        given.free[rows, places],
        given.lattice[rows],
        given.length[rows],
    )


def _may_stop(network: CrystalNetwork, present: NDArray[np.bool_], wish: DecodingWish) -> NDArray[np.bool_]:
    wanted = [network.symbols.index(symbol) for symbol in wish.with_all]
    enough = present.sum(1) >= wish.n_elements[0]
    return np.asarray(present[:, wanted].all(1) & enough)


def _elements(
    network: CrystalNetwork, state: _Unfinished, rows: Tensor, site: Tensor, wish: DecodingWish
) -> NDArray[np.bool_]:
    """Elements that an orbit may hold, `(n, n_elements)`: of the wish, and in order within a position."""
    symbols = network.symbols
    allowed = np.tile(np.isin(symbols, wish.allows(symbols)), (len(rows), 1))
    present = state.present[rows.numpy()]
    wanted = np.isin(symbols, list(wish.with_all))
    missing = (wanted & ~present).sum(1)
    # An element that is neither present nor wanted needs a place beside those that are.
    full = present.sum(1) + missing >= wish.n_elements[1]
    allowed &= present | wanted | ~full[:, None]
    lengths = state.tokens.length[rows]
    previous = (lengths - 1).clamp(min=0)
    same = ((state.tokens.site[rows, previous] == site) & (lengths > 0)).numpy()
    last = state.tokens.element[rows, previous].numpy()
    return np.asarray(allowed & (~same[:, None] | (np.arange(len(symbols)) >= last[:, None])))


def _finished(network: CrystalNetwork, state: _Unfinished, row: int, wish: DecodingWish) -> Decoded:
    """The record of a crystal, if its atoms make one that keeps the wish."""
    if state.faults[row]:
        return Decoded(None, state.faults[row])
    tokens = state.tokens
    spacegroup, length = int(tokens.group[row]) + 1, int(tokens.length[row])
    is_free = network.words.table.is_free[tokens.group[row]]
    orbits = tuple(
        Orbit(
            LETTERS[site],
            network.symbols[int(tokens.element[row, k])],
            tuple(tokens.free[row, k][is_free[site]].tolist()),
        )
        for k, site in enumerate(tokens.site[row, :length].tolist())
    )
    numbers = tokens.lattice[row].double().numpy()
    try:
        crystal = WyckoffCrystal(spacegroup, orbits, from_numbers(numbers, spacegroup, int(state.atoms[row])))
        n_atoms = len(expand(crystal).elements)
    except ValueError:
        return Decoded(None, "coincident")
    broken = wish.broken(crystal, n_atoms)
    return Decoded(None, broken) if broken else Decoded(crystal)
