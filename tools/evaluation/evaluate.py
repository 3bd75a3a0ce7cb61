"""The evaluation of a generator: everything that is counted of its samples, in the order of a table.

Puts the metrics of this folder in order. Must not know terminals, files or networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...models.wyckoff.tables import crystal_system
from ..predict import predict
from .rates import Array, Figure, divergence, earth_movers, share
from .relaxations import Relaxation, relaxed
from .sample import Sample, look
from .stability import stability
from .twins import are_novel, are_unique
from .validity import is_apart, is_neutral, is_sound

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from .known_crystals import KnownCrystals
    from .sources import Source

Tell = Callable[[str, int, int], object]
"""Is told what is being done, and how many of how many are."""

_UNITS = {"density": "g/cm3", "volume_per_atom": "Å3/atom", "n_elements": "1", "formation_energy": "eV/atom"}


@dataclass(frozen=True)
class Evaluation:
    """What is known of a generator.

    Attributes:
        source: Its name in a table.
        version: What made the crystals, and by what rule.
        samples: How many it was asked for.
        seed: With which they are made again.
        figures: The raw validity first; all over all samples unless a figure's `n` says otherwise.
        failures: Why relaxations failed, to count.
        cpu_seconds: Spent in this process on making and judging, and on relaxations wherever they were made.
    """

    source: str
    version: str
    samples: int
    seed: int
    figures: tuple[Figure, ...]
    failures: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)

    def figure(self, name: str) -> Figure | None:
        """The figure of this name; None where it was not computed."""
        return next((one for one in self.figures if one.name == name), None)


def evaluate(
    source: Source,
    n: int,
    seed: int = 0,
    known: KnownCrystals | None = None,
    relaxation: Relaxation | None = None,
    tell: Tell = lambda what, done, total: None,
) -> Evaluation:
    """Ask a generator for crystals and count over all of them, those that failed among them.

    Args:
        source: The generator.
        n: How many crystals to ask for.
        seed: Of everything that is drawn.
        known: What novelty, templates and distributions are judged by; without it they are left out.
        relaxation: How the first of the samples are relaxed; without it none is.
        tell: Is told how far it is.
    """
    begun = time.process_time()
    tell(f"{source.name}: making crystals", 0, n)
    made = list(source.sample(n, seed))[:n]
    # What a source leaves out has failed.
    made += [None] * (n - len(made))
    seconds = {"making": time.process_time() - begun}
    begun = time.process_time()
    samples = []
    for done, structure in enumerate(made, start=1):
        samples.append(look(structure))
        tell(f"{source.name}: finding symmetry", done, n)
    figures = (*_figures(source.name, samples, known, tell), *(_distances(samples, known, seed) if known else ()))
    seconds["judging"] = time.process_time() - begun
    failures: Mapping[str, int] = {}
    if relaxation is not None and relaxation.n > 0:
        some = [sample.crystal for sample in samples[: relaxation.n]]
        outcomes = relaxed(some, relaxation, lambda done, total: tell(f"{source.name}: relaxing", done, total))
        found = stability(outcomes, known)
        figures, failures = (*figures, *found.figures), found.failures
        seconds["relaxing"] = found.cpu_seconds
    rounded = {name: round(spent, 1) for name, spent in seconds.items()}
    return Evaluation(source.name, source.version, n, seed, figures, failures, rounded)


def _figures(name: str, samples: Sequence[Sample], known: KnownCrystals | None, tell: Tell) -> tuple[Figure, ...]:
    """Shares of samples."""
    crystals = [sample.crystal for sample in samples]
    neutral = [is_neutral(sample) for sample in samples]
    unknown = sum(verdict is None for verdict in neutral)
    present = [sample for sample in samples if sample.structure is not None]
    # Of a crystal without any symmetry to be found at least the translations are there: that is P1.
    spacegroups = [sample.described.spacegroup if sample.described else 1 for sample in present]
    found = [
        share("raw_validity", map(is_sound, samples)),
        share("structure", [s.structure is not None and is_apart(s.structure) for s in samples]),
        share(
            "composition",
            [verdict is True for verdict in neutral],
            f"{unknown} count as failed for an element without oxidation states in SMACT" if unknown else "",
        ),
        share("unique", are_unique(crystals, lambda done, total: tell(f"{name}: comparing", done, total))),
        share("p1", [group == 1 for group in spacegroups]),
    ]
    if known:
        novel = are_novel(crystals, known, lambda done, total: tell(f"{name}: looking up", done, total))
        found.insert(4, share("novel", novel))
        templates = [sample.described.template for sample in samples if sample.described]
        found.append(share("new_template", [template not in known.templates for template in templates]))
    return tuple(found)


def _distances(samples: Sequence[Sample], known: KnownCrystals, seed: int) -> tuple[Figure, ...]:
    """Distances between the distributions of samples and of training crystals."""
    groups = [sample.described.spacegroup for sample in samples if sample.described]
    systems = [crystal_system(group) for group in groups]
    sound = [sample.structure for sample in samples if sample.structure is not None and is_sound(sample)]
    own, theirs = _properties(sound), _properties(known.some(max(len(samples), 1000), seed))
    return (
        Figure("spacegroups", divergence(groups, known.spacegroups), len(groups), "bit"),
        Figure("crystal_systems", divergence(systems, [*map(crystal_system, known.spacegroups)]), len(systems), "bit"),
        *(
            Figure(name, earth_movers(own[name], theirs[name]), int(np.isfinite(own[name]).sum()), unit)
            for name, unit in _UNITS.items()
        ),
    )


def _properties(structures: Sequence[Structure]) -> Mapping[str, Array]:
    """Numbers whose distributions are compared, `(n,)`; NaN where the predictor does not know an element."""
    energies = predict(structures).properties["formation_energy"].mean if structures else np.array([])
    return {
        "density": np.array([float(one.density) for one in structures]),
        "volume_per_atom": np.array([one.volume / len(one) for one in structures]),
        "n_elements": np.array([float(len(one.composition)) for one in structures]),
        "formation_energy": energies,
    }
