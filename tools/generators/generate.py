"""The generate tool: makes candidates, screens them, and counts what it threw away.

Knows the generators by their one method. Must not know oracles, budgets or planners.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol

import numpy as np

from ...memory.errors import UserError
from ...memory.records import Candidate, Crystal
from ..parameters.parameter_space import ParameterSpace
from ..space import CrystalSpace, GeneratorName, PoolSpace, Space


@dataclass(frozen=True)
class Wish:
    """What a generator is asked for.

    Attributes:
        n: Candidates wanted after screening.
        seed: Seed of the random numbers; the same wish gives the same candidates.
        parents: Good known candidates to start from; generators that need none ignore them.
        exclude: Candidates already tried or pending; none of them, nor the same structure, comes back.
        shares: Generator to its share of the raw candidates; empty for one in turn from each.
        told: Evaluated candidates with a score, the higher the better, in the order in which they were tried.
        lessons: Good candidates that a generator which learns has to learn before it makes anything.
    """

    n: int
    seed: int
    parents: Sequence[Candidate] = ()
    exclude: Sequence[Candidate] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    told: Sequence[tuple[Candidate, float]] = ()
    lessons: Sequence[Candidate] = ()


@dataclass(frozen=True)
class Yield:
    """What came out.

    Attributes:
        candidates: At most as many as wished; fewer where the space is exhausted.
        rejected: Reason of the screen to count.
        made: Generator to number of raw candidates made.
        kept: Generator to number kept.
    """

    candidates: tuple[Candidate, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
        """What was thrown away, made and kept."""
        return self.rejected, self.made, self.kept


class Generator(Protocol):
    """A source of raw candidates."""

    name: str

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield raw candidates, endlessly or until the source is exhausted."""
        ...


# Raw candidates in a row, beside one for each that is excluded, of which none was kept: then the space counts as
# exhausted, for a generator may go on for ever.
_FRUITLESS = 500


def generators_for(space: Space) -> tuple[Generator, ...]:
    """Build the generators of a space: those that a space of crystals names, the rows for a pool.

    A space of parameters needs none: it is sampled and searched as a whole.

    Raises:
        UserError: A seed file or the pool's file cannot be used, an element's size in a crystal is not known, or the
            latent model knows too few of the elements.
    """
    # Imported here because the prototypes and pymatgen's tables must not load with the contract above.
    if isinstance(space, ParameterSpace):
        return ()
    if isinstance(space, PoolSpace):
        from .pool import Pool

        return (Pool(space),)
    from .decorate import Decorate
    from .edits import Edits
    from .substitute import Substitute
    from .volume import estimable_elements

    strange = [symbol for symbol in space.elements if symbol not in estimable_elements()]
    if strange:
        raise UserError(
            f"elements: no crystal can be made with {', '.join(strange)}; H to Pu without He, Ne, Ar are allowed"
        )
    made: dict[GeneratorName, Callable[[CrystalSpace], Generator]] = {
        "substitute": Substitute,
        "decorate": Decorate,
        "edit": Edits,
        "vae": _decode,
    }
    return tuple(made[name](space) for name in space.generators)


def _decode(space: CrystalSpace) -> Generator:
    # Its network and torch are loaded where a space asks for it alone.
    from ..latent_model import shipped_latent_model
    from .latent import Decode

    return Decode(space, shipped_latent_model())


def generate(wish: Wish, generators: Sequence[Generator], space: Space) -> Yield:
    """Take from the generators in turn or by their shares, screen, and stop at the wished number.

    Args:
        wish: What is asked for.
        generators: Sources; each gives one raw candidate when it is drawn, until it is exhausted.
        space: The rules that every candidate keeps.

    Returns:
        The candidates, with counts of what was made, kept and thrown away. Fewer than wished where the
        sources or the space are exhausted.
    """
    from .duplicate import Seen
    from .screen import broken_rule

    seen = Seen(wish.exclude)
    candidates: list[Candidate] = []
    rejected: Counter[str] = Counter()
    made: Counter[str] = Counter({source.name: 0 for source in generators})
    kept: Counter[str] = Counter({source.name: 0 for source in generators})
    sources = {source.name: source.generate(wish) for source in generators}
    fruitless = 0
    for name in _turns(tuple(sources), wish):
        if len(candidates) >= wish.n or fruitless >= _FRUITLESS + len(wish.exclude) or not sources:
            break
        if name not in sources:
            continue
        candidate = next(sources[name], None)
        if candidate is None:
            del sources[name]
            continue
        made[name] += 1
        fault = None
        if isinstance(space, CrystalSpace):
            fault = broken_rule(candidate.content, space) if isinstance(candidate.content, Crystal) else "kind"
        if fault is None and seen.holds(candidate):
            fault = "duplicate"
        if fault is not None:
            rejected[fault] += 1
            fruitless += 1
            continue
        fruitless = 0
        seen.add(candidate)
        candidates.append(candidate)
        kept[name] += 1
    return Yield(tuple(candidates), dict(rejected), dict(made), dict(kept))


def _turns(names: Sequence[str], wish: Wish) -> Iterator[str]:
    """Whose turn it is, without end: one after another, or drawn by the wished shares."""
    if not wish.shares or not names:
        yield from cycle(names)
        return
    random = np.random.default_rng([wish.seed, 1])
    chances = np.array([wish.shares[name] for name in names])
    while True:
        yield names[int(random.choice(len(names), p=chances / chances.sum()))]
