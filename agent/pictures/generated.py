"""The pictures of what inverse design found: the way between two crystals, the latent map, and distributions.

Knows outcomes of inverse design, latent models and the pictures. Knows no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...tools.crystals.structure import to_structure
from ..labels import label_of
from .background import background, training_population
from .generated_distributions import Population, generated_distributions
from .interpolation_strip import Station, interpolation_strip
from .latent_map import MapText, latent_map
from .mapped import Mapped
from .style import Picture, write_pictures

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from ...tools.inverse.generated import Between, Generated, Made

PAGE = "pictures"


def generated_pictures(outcome: Generated, model: LatentModel, folder: Path) -> list[Path]:
    """Write the pictures that fit an outcome, and one page that holds all of them.

    A strip for a way between two crystals; a map with the crystals that were made or, for a search, with all that were
    judged in their order; distributions for the others, where the model brings a sample of its training crystals.

    Returns:
        The files, the page last; none where no crystal was made or judged.
    """
    shown = outcome.judged or outcome.made
    if not shown:
        return []
    pictures: list[Picture] = []
    if outcome.between is not None:
        first, second = outcome.between.ends
        way = stations(outcome.between, outcome.made)
        pictures.append(interpolation_strip("strip", f"From {first} to {second}", way, outcome.targets))
    pictures.append(_map(outcome, model, shown))
    training = training_population(model)
    if training is not None and outcome.between is None:
        title = f"{outcome.model}: generated against training crystals"
        pictures.append(generated_distributions("distributions", title, training, population("generated", shown)))
    return list(write_pictures(pictures, folder, PAGE, f"{outcome.model}: {outcome.asked}"))


def stations(way: Between, made: Sequence[Made]) -> list[Station]:
    """Steps of a way, those that follow each other and lead to the same crystal, or fail alike, as one."""
    found = []
    for (number, fault), steps in groupby(way.steps, key=lambda step: (step.number, step.fault)):
        shares = tuple(step.share for step in steps)
        end = " = ".join(
            f"{name}{'' if is_recovered else ', not recovered'}"
            for share, name, is_recovered in zip((0.0, 1.0), way.ends, way.recovered, strict=True)
            if share in shares
        )
        if number is None:
            found.append(Station(shares, None, fault, end=end))
        else:
            one = made[number]
            found.append(Station(shares, one.cell, label_of(one.candidate), one.spacegroup, one.values, end))
    return found


def population(label: str, made: Sequence[Made]) -> Population:
    """Generated crystals, to be counted."""
    structures = [to_structure(one.cell) for one in made]
    return Population(
        label,
        [label_of(one.candidate) for one in made],
        [one.spacegroup for one in made],
        np.array([one.volume / len(one) for one in structures]),
        np.array([len(one) for one in structures]),
    )


def _map(outcome: Generated, model: LatentModel, shown: Sequence[Made]) -> Picture:
    known, called = background(model)
    columns = {
        target.name: np.array([one.judged.get(target.name, one.values.get(target.name, np.nan)) for one in shown])
        for target in outcome.targets
    }
    mapped = Mapped(
        np.array([one.point for one in shown]),
        [label_of(one.candidate) for one in shown],
        [one.spacegroup for one in shown],
        columns,
        [f"{one.candidate.provenance.note}; values predicted" for one in shown],
    )
    judged = next((name for one in outcome.judged for name in one.judged), "")
    is_path = bool(outcome.judged) or outcome.between is not None
    title = {"optimise": "The search in latent space", "between": "The way through latent space"}
    text = MapText(
        title.get(outcome.way, "Generated crystals in latent space") + f" of {outcome.model}",
        called,
        "judged" if outcome.judged else "generated",
        is_path,
        _best(outcome) if outcome.judged else None,
    )
    return latent_map("map", known, mapped, outcome.targets, text, judged or _varied(outcome))


def _best(outcome: Generated) -> int | None:
    """Number of the judged crystal with the best score; None where none has one."""
    best = np.array(outcome.best, dtype=float)
    return int(np.argmax(best)) if len(best) and np.isfinite(best).any() else None


def _varied(outcome: Generated) -> str:
    """The property that was asked for, by its name in the question."""
    return next((target.name for target in outcome.targets if target.name in outcome.asked), "")
