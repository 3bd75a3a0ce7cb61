"""Which links of a crystal's graph are drawn, and along which curves.

Knows numpy. Knows no drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHELL = 1.2
"""A kind of atom's neighbours are drawn up to this many times the way to its nearest."""
_POINTS = 41
_DISC = 0.21
"""Radius of a node, where the ring's is one."""


@dataclass(frozen=True)
class Link:
    """Neighbours of one kind that another kind hears.

    Attributes:
        receiver: Node that hears.
        sender: Node that is heard.
        edges: Edges that it stands for.
        count: Neighbours that these stand for.
    """

    receiver: int
    sender: int
    edges: NDArray[np.int64]
    count: int


def links_of(
    receivers: NDArray[np.int64], senders: NDArray[np.int64], distances: Array, counts: NDArray[np.int64]
) -> list[Link]:
    """Each kind's nearest neighbours, those of one kind together; all arrays `(n_edges,)`."""
    links = []
    for receiver in np.unique(receivers):
        heard = np.flatnonzero(receivers == receiver)
        near = heard[distances[heard] <= SHELL * distances[heard].min()]
        for sender in np.unique(senders[near]):
            edges = near[senders[near] == sender]
            links.append(Link(int(receiver), int(sender), edges, int(counts[edges].sum())))
    return links


def ring(n_nodes: int) -> Array:
    """Places of the nodes, `(n_nodes, 2)`, on a circle of radius one; two lie side by side, one in the middle."""
    if n_nodes == 1:
        return np.zeros((1, 2))
    start = np.pi if n_nodes == 2 else np.pi / 2
    angles = start - 2 * np.pi * np.arange(n_nodes) / n_nodes
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def path_of(places: Array, link: Link) -> Array:
    """The curve from sender to receiver, `(n_points, 2)`, from rim to rim of their discs.

    The two directions between two nodes bend to either side; a link of a node with itself is a loop outwards.
    """
    disc = _DISC if len(places) <= 8 else 0.7 * _DISC
    start, end = places[link.sender], places[link.receiver]
    if link.sender == link.receiver:
        length = float(np.linalg.norm(start))
        away = start / length if length > 1e-9 else np.array([0.0, 1.0])
        angles = np.arctan2(away[1], away[0]) + np.linspace(np.pi * 0.78, -np.pi * 0.78, _POINTS)
        size = 0.75 * disc
        centre = start + (disc + 0.55 * size) * away
        loop: Array = centre + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return loop
    along = end - start
    bend = (start + end) / 2 + 0.17 * np.array([-along[1], along[0]])
    share = np.linspace(0, 1, 4 * _POINTS)[:, None]
    curve = (1 - share) ** 2 * start + 2 * share * (1 - share) * bend + share**2 * end
    outside = (np.linalg.norm(curve - start, axis=1) > disc) & (np.linalg.norm(curve - end, axis=1) > disc)
    visible: Array = curve[outside]
    return visible
