"""Decoding: candidates from points of a latent space: of its prior, around good crystals, or where a search leads.

Knows the latent model's contract, the search of latent space and spaces. Must not know any one network, nor oracles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import AthanorError, UserError
from ...memory.records import Candidate, Crystal, Provenance
from ...models.vae.wish import MAX_ATOMS, DecodingWish
from ..crystals.cell import primitive_crystal
from ..crystals.structure import to_crystal, to_structure
from ..crystals.wyckoff import from_wyckoff, to_wyckoff
from ..inverse.search import LEAST, Search, ask, begun, tell
from ..inverse.survey import Survey, survey
from .bandit import tool_of

if TYPE_CHECKING:
    from ...models.vae.latent_model import Decoded, LatentModel
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
    from ..space import CrystalSpace
    from .generate import Wish

Array = NDArray[np.float64]

BATCH = 48
"""Points decoded at a time."""
LOOKED_AT = 16
"""Points whose promise is asked for each one that is decoded; the network decodes a thousand times more slowly."""
WISHES = 4
"""Required elements, or fewer, that one batch is parted among."""
RADII = (0.2, 0.4, 0.6, 0.8)
"""Distance from a parent, batch after batch: 0 is the parent, 1 a draw from the normal distribution."""
TUNED = 2
"""Models that have learnt more which are kept in memory: the newest, and the one that the batch before was made by."""
_SEED = 0
# Batches in a row without a crystal, after which the space counts as exhausted.
_FRUITLESS = 5


@dataclass(frozen=True)
class _Known:
    """A crystal that was there before, in latent space, `(n_latent,)`."""

    id: str
    formula: str
    crystal: WyckoffCrystal
    mean: Array


@dataclass(frozen=True)
class _Aimed:
    """A latent point that is to be decoded, `(n_latent,)`: what was done to come there, and from which candidate."""

    point: Array
    note: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Start:
    """What one wish starts from: the crystals to vary, and the search with its best crystal."""

    seed: int
    anchors: tuple[_Known, ...] = ()
    search: Search | None = None
    best: _Known | None = None


class Decode:
    """Raw candidates decoded from latent points; points that decode to no crystal are passed over."""

    name = "vae"

    def __init__(self, space: CrystalSpace, model: LatentModel) -> None:
        """Turn the rules of a space into wishes that the decoder keeps.

        Args:
            space: What may vary.
            model: Trained weights.

        Raises:
            UserError: The model has learnt too few of the space's elements.
        """
        self._space, self._model = space, model
        known = sorted(set(space.elements) & set(model.elements))
        low, high = space.n_elements
        if len(known) < low:
            raise UserError(
                f"generators: vae has learnt {', '.join(known) or 'none'} of the space's elements, but n_elements asks "
                f"for at least {low}; allow more elements or leave vae out"
            )
        required = sorted(set(space.required) & set(known))
        if space.required and not required:
            raise UserError(
                f"generators: vae has learnt none of the required elements ({', '.join(space.required)}); require "
                "others or leave vae out"
            )
        self._wishes = [
            DecodingWish(
                only=frozenset(known), with_all=one, atoms=(1, min(space.max_atoms, MAX_ATOMS)), n_elements=(low, high)
            )
            for one in ([frozenset({symbol}) for symbol in required] or [frozenset()])
        ]
        self._found = lru_cache(maxsize=4096)(self._find)
        self._learnt = lru_cache(maxsize=TUNED)(self._after)

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield what is decoded, repeats included; ends where nothing more is decoded."""
        lessons = tuple(one.content for one in wish.lessons if isinstance(one.content, Crystal))
        if lessons:
            yield from self._learnt(lessons).generate(replace(wish, lessons=()))
            return
        start = self._start(wish)
        fruitless = number = 0
        while fruitless < _FRUITLESS:
            random = np.random.default_rng([wish.seed, 2, number])
            made = list(self._batch(start, RADII[number % len(RADII)], random))
            fruitless = 0 if made else fruitless + 1
            number += 1
            yield from (made[int(at)] for at in random.permutation(len(made)))

    def _after(self, lessons: tuple[Crystal, ...]) -> Decode:
        """The same with a model that has learnt some crystals; those it cannot know are left out."""
        found = [known for k, crystal in enumerate(lessons) if (known := self._found(crystal, str(k))) is not None]
        return Decode(self._space, self._model.tuned([one.crystal for one in found], _SEED)) if found else self

    def _start(self, wish: Wish) -> _Start:
        anchors = tuple(found for parent in wish.parents if (found := self._known(parent)) is not None)
        told = [(found, score) for candidate, score in wish.told if (found := self._known(candidate)) is not None]
        if len(told) < LEAST:
            return _Start(wish.seed, anchors)
        search = begun(self._model)
        for found, score in told:
            search = tell(search, found.mean[None], np.array([score]))
        best = max(told, key=lambda one: one[1])[0]
        return _Start(wish.seed, anchors, search, best)

    def _batch(self, start: _Start, radius: float, random: np.random.Generator) -> Iterator[Candidate]:
        """Decode one batch: equal parts from the prior, around good crystals and where the search leads."""
        chosen = [self._wishes[int(at)] for at in random.permutation(len(self._wishes))[:WISHES]]
        for part, wish in zip(np.array_split(np.arange(BATCH), len(chosen)), chosen, strict=True):
            ways = 1 + bool(start.anchors) + (start.search is not None)
            n = len(part) // ways
            aimed = self._sampled(len(part) - (ways - 1) * n, wish, random)
            aimed += self._varied(start.anchors, radius, n, wish, random) if start.anchors else []
            aimed += self._sought(start, n, wish, random) if start.search else []
            decoded = self._model.decode(np.array([one.point for one in aimed]), wish)
            made = (self._candidate(*pair, start.seed) for pair in zip(decoded, aimed, strict=True))
            yield from (candidate for candidate in made if candidate is not None)

    def _sampled(self, n: int, wish: DecodingWish, random: np.random.Generator) -> list[_Aimed]:
        """Draw from the prior, as far as it keeps the wish."""
        points = self._model.sample(LOOKED_AT * n, int(random.integers(2**31)))
        return [_Aimed(points[k], "sampled") for k in self._promising(points, n, wish, random)]

    def _varied(
        self, anchors: Sequence[_Known], radius: float, n: int, wish: DecodingWish, random: np.random.Generator
    ) -> list[_Aimed]:
        """Draw around known crystals.

        A step `z' = √(1 - r²) z + r ε` leaves the standard normal distribution as it is: points at any distance stay
        where training crystals lie.

        Source: Cotter et al., Stat. Sci. 28, 424 (2013), doi:10.1214/13-STS421, equation 4.8.
        """
        at = random.integers(len(anchors), size=LOOKED_AT * n)
        means = np.array([anchor.mean for anchor in anchors])[at]
        points = np.sqrt(1 - radius**2) * means + radius * random.normal(size=means.shape)
        kept = self._promising(points, n, wish, random)
        near = [anchors[int(at[k])] for k in kept]
        return [_Aimed(points[k], f"around {one.formula}", (one.id,)) for k, one in zip(kept, near, strict=True)]

    def _sought(self, start: _Start, n: int, wish: DecodingWish, random: np.random.Generator) -> list[_Aimed]:
        """Ask the search over the scores of all that was evaluated, in a trust region about the best of it."""
        if start.search is None or start.best is None:
            return []
        points = ask(start.search, self._model, wish, self._ground, n, int(random.integers(2**31)))
        note = f"sought from {start.best.formula} in a trust region of length {start.search.region.length:.3g}"
        return [_Aimed(point, note, (start.best.id,)) for point in points]

    def _promising(self, points: Array, n: int, wish: DecodingWish, random: np.random.Generator) -> NDArray[np.int_]:
        """Choose `n` points without replacement in proportion to how likely they keep the wish."""
        # The largest of log p + Gumbel noise.
        promise = self._model.promise(points, wish) + random.gumbel(size=len(points))
        return np.argsort(-promise, kind="stable")[:n]

    @cached_property
    def _ground(self) -> Survey:
        return survey(self._model, 0)

    def _known(self, candidate: Candidate) -> _Known | None:
        """Find a crystal in latent space; None if it is too large or of elements that the model has not learnt."""
        return self._found(candidate.content, candidate.id) if isinstance(candidate.content, Crystal) else None

    def _find(self, crystal: Crystal, name: str) -> _Known | None:
        structure = to_structure(crystal)
        try:
            described = to_wyckoff(structure)
            mean = self._model.encode([described]).mean[0]
        except ValueError:
            return None
        return _Known(name, structure.composition.reduced_formula, described, mean)

    def _candidate(self, decoded: Decoded, aimed: _Aimed, seed: int) -> Candidate | None:
        """What a point was decoded to, in its primitive cell; None where that is no crystal."""
        if decoded.crystal is None:
            return None
        try:
            crystal = primitive_crystal(to_crystal(from_wyckoff(decoded.crystal)))
        except (ValueError, AthanorError):
            return None
        provenance = Provenance(
            tool=tool_of(self.name), parents=aimed.parents, seed=seed, version=self._model.name, note=aimed.note
        )
        return Candidate(content=crystal, provenance=provenance)
