"""The latent map of a campaign: its trials, where a generative model finds them, in the order of proposal.

Knows where a campaign stands, latent models and the map. Must not know ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...memory.errors import UserError
from ...models.vae.wish import MAX_ATOMS
from ...models.wyckoff.expand import expand
from ...tools.crystals.structure import to_structure
from ...tools.crystals.wyckoff import to_wyckoff
from ..labels import counted, crystal_of, label_of, wording
from ..pictures.background import background
from ..pictures.latent_map import MapText, latent_map
from ..pictures.mapped import Mapped
from ..pictures.style import Picture, write_pictures

if TYPE_CHECKING:
    from ...memory.state import Trial
    from ...models.vae.latent_model import LatentModel
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
    from ..standing import Standing

NAME = "latent_map"


def write_latent_map(standing: Standing, model: LatentModel, folder: Path) -> tuple[Path, ...]:
    """Write `latent_map.png` and `latent_map.html`.

    Returns:
        The files; none where no trial can be found in latent space.
    """
    picture = campaign_map(standing, model)
    return write_pictures([picture], folder, NAME, "Latent map of the campaign") if picture else ()


def campaign_map(standing: Standing, model: LatentModel) -> Picture | None:
    """Draw the campaign's path; None where no trial can be found in latent space.

    Trials stand where the model finds their crystals, relaxed where they were. Values that were measured are shown as
    such, others as the model predicts them.
    """
    trials = [trial for trial in (*standing.reused, *standing.trials) if trial.is_finished]
    placed = [(trial, found) for trial in trials if (found := _placed(trial, model)) is not None]
    if not placed:
        return None
    points = np.array([point for _, (_, point) in placed])
    predicted = model.properties(points)
    values, origins = _values([trial for trial, _ in placed], predicted)
    shown = Mapped(
        points,
        [label_of(trial.candidate) for trial, _ in placed],
        [crystal.spacegroup for _, (crystal, _) in placed],
        values,
        origins,
    )
    best = standing.hits[0].number if standing.hits else None
    numbers = [trial.number for trial, _ in placed]
    known, called = background(model)
    missing = len(trials) - len(placed)
    rest = f"; {counted(missing, 'trial')} without a place on it" if missing else ""
    text = MapText(
        f"The campaign in latent space of {model.name}{rest}",
        called,
        "trials",
        is_path=True,
        best=numbers.index(best) if best in numbers else None,
        numbers=numbers,
    )
    wanted = [objective.property for objective in standing.goal.objectives]
    first = next((target.name for target in model.targets if target.name in wanted), "")
    return latent_map(NAME, known, shown, model.targets, text, first)


def _placed(trial: Trial, model: LatentModel) -> tuple[WyckoffCrystal, np.ndarray] | None:
    """A trial's crystal and its latent point; None for a point, and for a crystal that the model cannot know."""
    crystal = crystal_of(trial.candidate, trial.outcome)
    if crystal is None:
        return None
    try:
        found = to_wyckoff(to_structure(crystal))
        if len(expand(found).elements) > MAX_ATOMS or not found.elements <= set(model.elements):
            return None
        return found, model.encode([found]).mean[0]
    except (UserError, ValueError):
        return None


def _values(trials: Sequence[Trial], predicted: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Values by property, `(n_trials,)`, an oracle's before the model's, and for each trial which are whose."""
    values = {
        name: np.array([trial.values.get(name, column[n]) for n, trial in enumerate(trials)], dtype=float)
        for name, column in predicted.items()
    }
    origins = []
    for trial in trials:
        own = [wording(name) for name in predicted if name in trial.values]
        whose = f"{', '.join(own)} by {trial.oracle}, the rest predicted" if own else "values predicted"
        origins.append(f"trial {trial.number}, {trial.candidate.provenance.tool}; {whose}")
    return values, origins
