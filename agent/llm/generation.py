"""New crystals on a chat model's word: one edit, likely substitutions, decorated prototypes.

Knows the bench and the generators. Must not know chat models, nor latent space (latent.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from ...memory.errors import RetryError
from ...memory.records import Candidate, Crystal
from ...tools.crystals.feature import features
from ...tools.generators.edit import edited
from ...tools.generators.generate import Wish, generate
from ...tools.space import CrystalSpace
from ..guidance import guidance, narrowed
from ..labels import counted, wording
from .submission import NAME, Asked
from .words import name_of

if TYPE_CHECKING:
    from ...tools.generators.generate import Generator
    from .bench import Bench

MOST = 12
"""Crystals that are made at a time."""
REQUESTS = 10
"""Requests for new crystals in one step; the acquisition takes a fifth of a second to describe each of them."""
SPARE = 1.5
"""Crystals made for each one wanted where some of them break a rule of the space that their generator does not know."""
RAW = 400
"""Raw crystals that substitution and decoration look at for them, at most; each takes about a hundredth of a second."""
FEW = 20
"""Decorations with the same other elements, beside those that are wanted."""
System = Literal["triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"]
_SAID = {"target": "miss a target", "not_needed": "more than asked for", "with_all": "lack an element"}


class EditAsked(Asked):
    """An edit of a crystal that was tried or is offered."""

    of: str = Field(max_length=NAME, description="A trial as #12, or a candidate's id.")
    kind: Literal["exchange", "replace", "remove", "add"] = Field(
        description="Swap two elements; put `other` in place of `element`; remove all of `element`; add one `element`."
    )
    element: str
    other: str = Field(default="", description="For exchange and replace.")


class CrystalsAsked(Asked):
    """New crystals, and what they must be like."""

    way: Literal["substitute", "decorate"] = Field(
        description="substitute: likely other elements on the sites of the crystal `of`; decorate: elements on the "
        "sites of prototypes."
    )
    of: str = Field(
        default="", max_length=NAME, description="A trial as #12, or a candidate's id; not for decorate and sample."
    )
    n: int = Field(default=6, ge=1, le=MOST)
    with_all: list[str] = Field(default_factory=list, max_length=4, description="Elements that must all occur.")
    without: list[str] = Field(default_factory=list, description="Elements that must not occur.")
    min_atoms: int | None = Field(default=None, ge=1, description="In the primitive cell.")
    max_atoms: int | None = Field(default=None, ge=1)
    crystal_system: System | None = None
    space_group: int | None = Field(default=None, ge=1, le=230)


@dataclass(frozen=True)
class Found:
    """What came of a request.

    Attributes:
        candidates: Not screened against what was tried yet.
        notes: Candidate id to what is to be said of it.
        tried: Raw crystals or latent points that were looked at.
        faults: Why others were thrown away, with how many each.
        remark: What else is to be known.
    """

    candidates: Sequence[Candidate]
    tried: int
    faults: Counter[str]
    notes: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""


Make = Callable[[CrystalsAsked, "Bench", CrystalSpace, int], Found]
"""Makes crystals as asked for in a space, from a seed."""


def edit(asked: EditAsked, bench: Bench) -> str:
    """Offer a crystal with one edit.

    Raises:
        RetryError: It cannot be made or offered, and why.
    """
    made = edited(bench.named(asked.of), asked.kind, asked.element, asked.other)
    taken, refused = bench.take([made])
    if not taken:
        raise RetryError(f"{name_of(made)} cannot be offered: {next(iter(refused))}")
    return f"offered now: {made.id} {name_of(made)}"


def generate_crystals(asked: CrystalsAsked, bench: Bench, make: Make) -> str:
    """Offer new crystals, and say what could not be met.

    Args:
        asked: What is wanted.
        bench: Gets what is new and keeps the rules.
        make: Makes them, by rules or otherwise.

    Raises:
        RetryError: Nothing can be made as it is asked for, and why.
    """
    if not isinstance(bench.space, CrystalSpace):
        raise RetryError("only a space of crystals has room for new ones")
    space = _space(asked, bench, bench.space)
    if bench.calls >= REQUESTS:
        raise RetryError(f"{REQUESTS} requests for new crystals are enough for one step; rank them and submit a batch")
    bench.calls += 1
    seed = int(np.random.SeedSequence([bench.seed, bench.calls]).generate_state(1)[0])
    found = make(asked, bench, space, seed)
    taken, refused = bench.take(found.candidates, asked.n)
    why = ", ".join(
        f"{_SAID.get(name, wording(name))} {count}" for name, count in (found.faults + refused).most_common()
    )
    head = f"{counted(len(taken), 'new candidate')} of {asked.n} asked for, offered now; {found.tried} looked at"
    lines = [f"{one.id} {name_of(one)}{found.notes.get(one.id, '')}" for one in taken]
    told = [f"{head}{f' (thrown away: {why})' if why else ''}{':' if lines else '.'}", *lines, found.remark]
    return "\n".join(filter(None, told))


def _space(asked: CrystalsAsked, bench: Bench, space: CrystalSpace) -> CrystalSpace:
    """The space without what is banned, by the request or by a person.

    Raises:
        RetryError: The request leaves nothing of it.
    """
    banned = {*asked.without, *guidance(bench.state, bench.state.batches + 1).banned}
    left = [symbol for symbol in space.elements if symbol not in banned]
    strange = sorted({*asked.with_all, *asked.without} - set(space.elements))
    if strange:
        raise RetryError(
            f"{', '.join(strange)[:60]}: not among the elements of the space ({', '.join(space.elements)})"
        )
    missing = sorted(set(asked.with_all) - set(left))
    if missing:
        raise RetryError(f"{', '.join(missing)}: both wanted and ruled out; allowed are {', '.join(left)}")
    low, high = space.n_elements
    if len(left) < low or len(asked.with_all) > high:
        raise RetryError(f"crystals of the space have {low} to {high} elements; {', '.join(left) or 'none'} are left")
    smallest, largest = asked.min_atoms or 1, min(asked.max_atoms or space.max_atoms, space.max_atoms)
    if smallest > largest:
        raise RetryError(f"{smallest} to {largest} atoms: 1 to {space.max_atoms} are allowed, the smaller number first")
    return narrowed(space, banned).model_copy(update={"max_atoms": largest})


@dataclass
class _Wanted:
    """A generator of which only crystals as they are asked for come through, out of a bounded number.

    Attributes:
        missed: Is counted up with what the others are not.
    """

    name: str
    raw: Callable[[Wish], Iterator[Candidate]]
    asked: CrystalsAsked
    missed: Counter[str]

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield raw candidates that are as wanted."""
        for candidate in islice(self.raw(wish), RAW):
            fault = missed(self.asked, candidate)
            if fault:
                self.missed[fault] += 1
            else:
                yield candidate


def missed(asked: CrystalsAsked, candidate: Candidate) -> str:
    """The first wish that a candidate does not keep; empty where it keeps all."""
    own = features(candidate)
    content = candidate.content
    species = content.species if isinstance(content, Crystal) else ()
    if not set(asked.with_all) <= set(species):
        return "with_all"
    if len(species) < (asked.min_atoms or 1):
        return "min_atoms"
    if asked.crystal_system and own.get("crystal_system") != (asked.crystal_system,):
        return "crystal_system"
    if asked.space_group and own.get("spacegroup") != (str(asked.space_group),):
        return "space_group"
    return ""


def by_rules(asked: CrystalsAsked, bench: Bench, space: CrystalSpace, seed: int) -> Found:
    """By substitution in a crystal, or by decoration of prototypes."""
    misses: Counter[str] = Counter()
    raw = _decorations(asked, space) if asked.way == "decorate" else _substitutions(asked, bench, space)
    sources: Sequence[Generator] = [_Wanted(asked.way, raw, asked, misses)]
    made = generate(Wish(asked.n, seed, exclude=bench.known), sources, space)
    tried = made.made[asked.way] + misses.total()
    return Found(made.candidates, tried, misses + Counter(made.rejected))


def _decorations(asked: CrystalsAsked, space: CrystalSpace) -> Callable[[Wish], Iterator[Candidate]]:
    """Prototypes with the wanted elements and a few others, which are drawn anew after some."""
    from ...tools.generators.decorate import Decorate

    others = sorted(set(space.elements) - set(asked.with_all))
    most = space.n_elements[1] - len(asked.with_all)

    def raw(wish: Wish) -> Iterator[Candidate]:
        if not asked.with_all:
            yield from Decorate(space).generate(wish)
            return
        for number in count():
            random = np.random.default_rng([wish.seed, number])
            chosen = [*asked.with_all, *random.permutation(others)[:most].tolist()]
            low = max(space.n_elements[0], len(asked.with_all))
            part = space.model_copy(
                update={"elements": tuple(chosen), "required": (), "n_elements": (low, max(low, len(chosen)))}
            )
            yield from islice(Decorate(part).generate(replace(wish, seed=int(random.integers(2**31)))), FEW)

    return raw


def _substitutions(asked: CrystalsAsked, bench: Bench, space: CrystalSpace) -> Callable[[Wish], Iterator[Candidate]]:
    """All substitutions in a crystal with the wanted elements, likely ones first by chance."""
    from ...tools.generators.prototype import parent_of
    from ...tools.generators.substitute import likely, substituted

    parent = parent_of(bench.crystal(asked.of), bench.named(asked.of).id)
    wanted = set(asked.with_all)
    ways = [
        (way, probability)
        for way, probability in likely(parent.species, space.elements)
        if wanted <= {new for _, new in way} and any(old != new for old, new in way)
    ]
    if not ways:
        raise RetryError(
            f"no likely substitution in {asked.of} gives such a crystal; ask for fewer elements, or decorate"
        )

    def raw(wish: Wish) -> Iterator[Candidate]:
        # The largest of log p + Gumbel noise: drawing without replacement in proportion to p.
        noise = np.random.default_rng(wish.seed).gumbel(size=len(ways))
        order = np.argsort(-(np.log([probability for _, probability in ways]) + noise), kind="stable")
        return (substituted(parent, ways[int(at)][0], wish.seed) for at in order)

    return raw
