"""Lattice and coordinates of crystals whose kinds are known, drawn again where atoms would overlap.

Knows the networks and tokens. Must not know wishes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .clash import Layout
from .lattice import N_LATTICE, from_numbers
from .network import N_BINS, N_LATTICE_BINS, CrystalNetwork
from .pick import Pick, value
from .tokens import Tokens

LAYOUTS = 4
"""Lattices that are tried at most."""
PLACINGS = 6
"""Places that are tried for an orbit at most."""
NEAR = 0.72
"""Part of the sum of covalent radii below which atoms overlap; of 3,000 known crystals eight have nearer ones."""


def lay_out(network: CrystalNetwork, points: Tensor, given: Tokens, pick: Pick) -> None:
    """Fill in lattices and coordinates of crystals that all have as many orbits.

    The first draw is the network's own choice at the temperature of `pick`. Where an orbit comes too near to another
    it is placed again, each time more at random, and where that does not help the lattice is drawn again; the crystal
    whose atoms keep farthest apart is taken if none keeps the limit.

    Args:
        points: `(n, latent)`.
        given: Space groups, sites and elements; `lattice` and `free` are written.
    """
    rows = torch.arange(len(given))
    nearest = np.full(len(given), -1.0)
    for attempt in range(LAYOUTS):
        some = given.part(rows)
        found = _draw(network, points[rows], some, pick.warmer(attempt))
        better = torch.from_numpy(found > nearest[rows.numpy()])
        given.lattice[rows[better]], given.free[rows[better]] = some.lattice[better], some.free[better]
        nearest[rows[better].numpy()] = found[better.numpy()]
        rows = torch.from_numpy(np.flatnonzero(nearest < NEAR))
        if not len(rows):
            break


def _draw(network: CrystalNetwork, z: Tensor, given: Tokens, pick: Pick) -> NDArray[np.float64]:
    """Draw lattices and coordinates; the shortest distance in each crystal over the sum of its radii, `(n,)`."""
    words, decoder = network.words, network.decoder
    frame = decoder.frame(z, words.group(given.group), network.kinds(given), given.length)
    _draw_lattice(network, z, frame[:, 0], given, pick)
    atoms = network.atoms(given)[:, -1].tolist()
    layouts = [_layout(given, row, atoms[row]) for row in range(len(given))]
    is_free = network.is_free(given)
    for place in range(given.site.shape[1]):
        left = is_free[:, place].any(-1).nonzero().squeeze(1)
        if len(left):
            around = decoder.place_context(z, frame, given.lattice, network.placed(given, decoder.places))[:, place]
            _place(network, around, given, place, layouts, pick)
        for row, layout in enumerate(layouts):
            if layout is not None:
                site, symbol = int(given.site[row, place]), network.symbols[int(given.element[row, place])]
                layout.add(layout.orbit(site, given.free[row, place].double().numpy()), symbol)
    return np.array([layout.nearest if layout is not None else 0.0 for layout in layouts])


def _draw_lattice(network: CrystalNetwork, z: Tensor, whole: Tensor, given: Tokens, pick: Pick) -> None:
    is_free = network.words.table.lattice[given.group]
    for index in range(N_LATTICE):
        free = is_free[:, index].nonzero().squeeze(1)
        if len(free):
            indices = torch.full((len(free),), index)
            bins = network.decoder.lattice_logits(z[free], whole[free], given.lattice[free], indices)
            given.lattice[free, index] = value(bins, pick, circular=False) / (N_LATTICE_BINS - 1)


def _place(
    network: CrystalNetwork,
    around: Tensor,
    given: Tokens,
    place: int,
    layouts: list[Layout | None],
    pick: Pick,
) -> None:
    """Draw the coordinates of one orbit of each crystal, several times where it comes too near to others."""
    is_free = network.is_free(given)[:, place]
    left = is_free.any(-1).nonzero().squeeze(1)
    best = torch.full((len(given),), -1.0)
    for attempt in range(PLACINGS):
        drawn = given.free[:, place].clone()
        for axis in range(3):
            free = left[is_free[left, axis]]
            if len(free):
                axes = torch.full((len(free),), axis)
                bins = network.decoder.coordinate_logits(around[free], drawn[free], axes)
                drawn[free, axis] = value(bins, pick.warmer(attempt), circular=True) / N_BINS % 1.0
        for row in left.tolist():
            layout = layouts[row]
            if layout is None:
                continue
            orbit = layout.orbit(int(given.site[row, place]), drawn[row].double().numpy())
            ratio = layout.ratio(orbit, network.symbols[int(given.element[row, place])])
            if ratio > best[row]:
                best[row], given.free[row, place] = ratio, drawn[row]
        left = left[best[left] < NEAR]
        if not len(left):
            return


def _layout(given: Tokens, row: int, atoms: int) -> Layout | None:
    """An empty cell with the lattice that was drawn; None where its angles close no cell."""
    spacegroup = int(given.group[row]) + 1
    try:
        return Layout(spacegroup, from_numbers(given.lattice[row].double().numpy(), spacegroup, atoms))
    except ValueError:
        return None
