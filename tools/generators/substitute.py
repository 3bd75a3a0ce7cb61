"""Substitution: put other elements in place of those of a real crystal, likely ones first.

Two measures of likeness with equal say: probabilities mined from the ICSD, where the parent's oxidation states are
known to it, and nearness in size and electronegativity, which also reaches borides, carbides, silicides and alloys.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from pymatgen.core import Composition, Element, Species

from ...memory.errors import UserError
from ...memory.records import Candidate, Crystal, Provenance
from ..crystals.read import read_crystals
from .charge import is_balanced
from .prototype import Parent, aflow_prototypes, parent_of, recast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pymatgen.core.structure_prediction.substitution_probability import SubstitutionProbability

    from ..space import CrystalSpace
    from .generate import Wish

Substitution = tuple[tuple[str, str], ...]

# Elements considered for one position; the least likely of a wide space are cut.
_CHOICES = 12
# Compositions of parents whose substitutions are kept for the next batch: all prototypes, and a campaign's best.
# Of a composition of four elements in a wide space they take some megabytes.
_KEPT = 512
# Widths of the likeness of two elements: covalent radius in Å, Pauling electronegativity.
_RADIUS_WIDTH, _ELECTRONEGATIVITY_WIDTH = 0.25, 0.4
# Share of the draws that go to the campaign's own best crystals, where there are any.
_PARENTS_SHARE = 0.5


class Substitute:
    """Raw candidates by substitution in prototypes, in a user's crystals and in a campaign's best."""

    name = "substitute"

    def __init__(self, space: CrystalSpace) -> None:
        """Read the user's crystals.

        Raises:
            UserError: A seed cannot be read, or all of them are too large for the space.
        """
        self._space = space
        named = [crystal for path in space.seeds for crystal in read_crystals(path)]
        self._seeds = [parent_of(one.crystal, one.name) for one in named if len(one.crystal.species) <= space.max_atoms]
        if named and not self._seeds:
            raise UserError(f"seeds: none of {len(named)} crystals has at most {space.max_atoms} atoms (max_atoms)")

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield every substitution once, drawn without replacement by its probability."""
        best = [parent_of(c.content, c.id) for c in wish.parents if isinstance(c.content, Crystal)]
        allowed = tuple(sorted(self._space.elements))
        library = (*self._seeds, *aflow_prototypes(self._space.max_atoms))
        drawn: list[tuple[Parent, Substitution]] = []
        scores: list[float] = []
        for parent, weight in self._weighted(best, library):
            for substitution, probability in _likely_again(_counts(parent.species), allowed):
                drawn.append((parent, substitution))
                scores.append(math.log(weight * probability))
        # The largest of log p + Gumbel noise: drawing without replacement in proportion to p.
        noise = np.random.default_rng(wish.seed).gumbel(size=len(scores))
        for index in np.argsort(-(np.array(scores) + noise), kind="stable"):
            parent, substitution = drawn[index]
            yield substituted(parent, substitution, wish.seed)

    def _weighted(self, best: Sequence[Parent], library: Sequence[Parent]) -> Iterator[tuple[Parent, float]]:
        """The parents whose number of elements fits, with the chance of each."""
        low, high = self._space.n_elements
        groups = [[p for p in group if low <= len(set(p.species)) <= high] for group in (best, library)]
        share = _PARENTS_SHARE if groups[0] else 0.0
        for group, weight in zip(groups, (share, 1 - share), strict=True):
            yield from ((parent, weight / len(group)) for parent in group)


def substituted(parent: Parent, substitution: Substitution, seed: int) -> Candidate:
    """Apply a substitution and scale the cell to the volume the new elements take."""
    new = dict(substitution)
    species = [new[symbol] for symbol in parent.species]
    changed = [f"{old}→{symbol}" for old, symbol in substitution if old != symbol]
    provenance = Provenance(
        tool="generate/substitute",
        parents=(parent.name,),
        seed=seed,
        version=f"pymatgen {version('pymatgen')}",
        note=f"{', '.join(changed) or 'no change'} in {parent.name}",
    )
    return Candidate(content=recast(parent, species), provenance=provenance)


def likely(species: Sequence[str], allowed: Sequence[str]) -> list[tuple[Substitution, float]]:
    """Substitutions of allowed elements into a crystal with their probabilities, which sum to one.

    Args:
        species: Chemical symbols of the parent's atoms, `(n_atoms,)`.
        allowed: Symbols the result may hold.
    """
    return _likely(_counts(species), tuple(sorted(allowed)))


def _counts(species: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(species).items()))


def _likely(counts: tuple[tuple[str, int], ...], allowed: tuple[str, ...]) -> list[tuple[Substitution, float]]:
    old = tuple(symbol for symbol, _ in counts)
    amounts = [amount for _, amount in counts]
    by_size = _combined(old, [[(new, 0, _likeness(symbol, new)) for new in allowed] for symbol in old], amounts)
    measures = [{key: p for key, p in by_size.items() if is_balanced(_substituted_counts(key, amounts))}]
    states = _oxidation_states(counts)
    if states is not None:
        ions = [_ions(Species(symbol, states[symbol]), allowed) for symbol in old]
        measures.append(_combined(old, ions, amounts))
    totals = [sum(measure.values()) for measure in measures]
    useful = [(measure, total) for measure, total in zip(measures, totals, strict=True) if total > 0]
    shares: dict[Substitution, float] = {}
    for measure, total in useful:
        for key, p in measure.items():
            shares[key] = shares.get(key, 0.0) + p / total / len(useful)
    return [(key, p) for key, p in shares.items() if p > 0]


def _combined(
    old: tuple[str, ...], columns: list[list[tuple[str, int, float]]], amounts: list[int]
) -> dict[Substitution, float]:
    """Neutral combinations of distinct elements with the product of their probabilities.

    Args:
        old: Elements of the parent.
        columns: For each of them, who may take its place: symbol, charge and probability.
        amounts: Number of atoms of each.
    """
    found: dict[Substitution, float] = {}
    columns = [sorted(column, key=lambda item: (-item[2], item[0], item[1]))[:_CHOICES] for column in columns]
    for choice in itertools.product(*columns):
        symbols = tuple(symbol for symbol, _, _ in choice)
        charge = sum(state * amount for (_, state, _), amount in zip(choice, amounts, strict=True))
        if charge == 0 and len(set(symbols)) == len(symbols):
            key = tuple(zip(old, symbols, strict=True))
            found[key] = found.get(key, 0.0) + math.prod(p for _, _, p in choice)
    return found


def _substituted_counts(substitution: Substitution, amounts: list[int]) -> list[tuple[str, int]]:
    return [(new, amount) for (_, new), amount in zip(substitution, amounts, strict=True)]


_likely_again = lru_cache(maxsize=_KEPT)(_likely)


@lru_cache(maxsize=1)
def _mined() -> SubstitutionProbability:
    from pymatgen.core.structure_prediction.substitution_probability import SubstitutionProbability

    return SubstitutionProbability()


@lru_cache(maxsize=4096)
def _ions(old: Species, allowed: tuple[str, ...]) -> list[tuple[str, int, float]]:
    """Ions of the allowed elements with their probability of standing in for another.

    Source: Hautier et al., Inorg. Chem. 50, 656 (2011), doi:10.1021/ic102031h.
    """
    mined = _mined()
    ions = sorted((s for s in mined.species if s.symbol in allowed), key=str)
    return [(ion.symbol, int(ion.oxi_state or 0), float(mined.cond_prob(ion, old))) for ion in ions]


@lru_cache(maxsize=20_000)
def _likeness(old: str, new: str) -> float:
    radius = float(covalent_radii[atomic_numbers[old]] - covalent_radii[atomic_numbers[new]]) / _RADIUS_WIDTH
    electronegativity = float(Element(old).X - Element(new).X) / _ELECTRONEGATIVITY_WIDTH
    return math.exp(-(radius**2 + electronegativity**2) / 2)


def _oxidation_states(counts: tuple[tuple[str, int], ...]) -> dict[str, int] | None:
    """Whole oxidation states of a crystal that the mined probabilities know; None where there are none."""
    guesses = Composition(dict(counts)).oxi_state_guesses(max_sites=-1) if len(counts) > 1 else ()
    for guess in guesses:
        if all(float(state).is_integer() for state in guess.values()):
            states = {symbol: int(state) for symbol, state in guess.items()}
            if all(Species(symbol, state) in _mined().species for symbol, state in states.items()):
                return states
    return None
