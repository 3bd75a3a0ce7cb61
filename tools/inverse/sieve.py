"""What latent points have given so far: decoded, screened, encoded again, and counted with what was thrown away.

Knows the latent model's Protocol, the screen, wishes and aims. Must not know how latent points are chosen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Candidate, Provenance
from ..generators.charge import is_balanced
from ..generators.duplicate import Seen, reduced_formula
from .aims import Aim, met, properties_of, score
from .generated import Made
from .judges import judged_values
from .screen_decoded import Sound, screen

if TYPE_CHECKING:
    from ...models.vae.latent_model import Latent, LatentModel
    from ...models.vae.wish import DecodingWish
    from .judges import Judge
    from .survey import Survey

Array = NDArray[np.float64]

TOOL = "generate/vae"


@dataclass(frozen=True)
class Taken:
    """What became of one latent point.

    Attributes:
        made: The sound crystal it was decoded to; None where there is none.
        fault: Why it was not kept: the faults of the screen, `wish …` with the wish that its true symmetry breaks,
            `target`, `known`, `duplicate`, `not_needed`; empty where it was.
        judged: Values of the aims' properties, by which it was kept or not; nan where it could not be judged.
    """

    made: Made | None
    fault: str = ""
    judged: Mapping[str, float] = field(default_factory=dict)


class Sieve:
    """Takes latent points and keeps the crystals that are sound, new, and as they were wished for.

    Attributes:
        made: What was kept.
        faults: Why the rest was not, with how many each.
        tried: Latent points decoded.
        valid: Of these, those that gave a sound crystal.
        nearest: Score and crystal of the nearest miss of the aims; None where none was missed.
    """

    def __init__(
        self,
        model: LatentModel,
        ground: Survey,
        wish: DecodingWish,
        aims: Sequence[Aim] = (),
        exclude: Iterable[Candidate] = (),
        seed: int = 0,
        judge: Judge | None = None,
        is_distinct: bool = False,
    ) -> None:
        """Start with nothing.

        Args:
            model: Decodes and encodes.
            ground: Scales of its latent space.
            wish: What every crystal keeps.
            aims: What every crystal meets, as the judge says.
            exclude: Crystals that do not come back.
            seed: As it stands in the provenance.
            judge: Of the aims' properties; for those that it does not tell, and without one for all, the model's
                own expectation where it finds the crystal again stands in.
            is_distinct: Whether one crystal of each formula on each template is enough. A search that has found one
                finds others that differ from it by a little, and often by nothing once they are relaxed.
        """
        self._model, self._ground, self._wish, self._aims, self._seed = model, ground, wish, tuple(aims), seed
        self._judge, self._is_distinct = judge, is_distinct
        self._kinds: set[tuple[str, str]] = set()
        self._known, self._seen = Seen(exclude), Seen()
        self.made: list[Made] = []
        self.faults: Counter[str] = Counter()
        self.tried = 0
        self.valid = 0
        self.nearest: tuple[float, Made] | None = None

    def take(
        self,
        points: Array,
        notes: Sequence[str],
        parents: tuple[str, ...] = (),
        temperature: float = 0.0,
        seed: int = 0,
        most: int | None = None,
    ) -> tuple[Taken, ...]:
        """Decode latent points, and keep what passes.

        Args:
            points: `(n, n_latent)`, each decoded once.
            notes: What was done to come there, `(n,)`.
            parents: What was started from.
            temperature: Of the decoder.
            seed: Of the decoder.
            most: Crystals to keep in all; those beyond are counted as `not_needed`. None for any number.

        Returns:
            What became of each point.
        """
        sound = [screen(one) for one in self._model.decode(points, self._wish, temperature, seed)]
        self.tried += len(sound)
        self.valid += sum(isinstance(one, Sound) for one in sound)
        sound, again = self._encoded(sound)
        found = [(n, one) for n, one in enumerate(sound) if isinstance(one, Sound)]
        taken = [Taken(None, one if isinstance(one, str) else "") for one in sound]
        if found:
            expected = self._model.properties(again.mean)
            made = []
            for k, (n, one) in enumerate(found):
                candidate = Candidate(content=one.crystal, provenance=self._provenance(parents, notes[n]))
                own = {name: float(value[k]) for name, value in expected.items()}
                made.append(self._made(candidate, one, points[n], again.mean[k], own))
            values = judged_values(self._judge, made, properties_of(self._aims))
            kept = met(self._aims, values, len(found))
            scores = score(self._aims, values, self._ground.scales, len(found))
            for k, (n, _) in enumerate(found):
                judged = {name: float(value[k]) for name, value in values.items()}
                if self._judge:
                    known = {name: value for name, value in judged.items() if math.isfinite(value)}
                    made[k] = replace(made[k], judged=known)
                taken[n] = Taken(made[k], self._kept(made[k], bool(kept[k]), most), judged)
                is_near = taken[n].fault == "target" and math.isfinite(scores[k])
                if is_near and (self.nearest is None or scores[k] > self.nearest[0]):
                    self.nearest = float(scores[k]), made[k]
        self.faults.update(one.fault for one in taken if one.fault)
        return tuple(taken)

    def _encoded(self, sound: list[Sound | str]) -> tuple[list[Sound | str], Latent]:
        """The sound crystals encoded, and the same list with the fault `no_place` for those that cannot be.

        A decoded crystal may be of higher symmetry than it was declared with, and its cell in that symmetry longer
        than the model can write.
        """
        try:
            return sound, self._model.encode([one.wyckoff for one in sound if isinstance(one, Sound)])
        except ValueError:
            sound = [one if isinstance(one, str) or self._has_a_place(one) else "no_place" for one in sound]
            return sound, self._model.encode([one.wyckoff for one in sound if isinstance(one, Sound)])

    def _has_a_place(self, sound: Sound) -> bool:
        try:
            self._model.encode([sound.wyckoff])
            return True
        except ValueError:
            return False

    def _kept(self, made: Made, is_met: bool, most: int | None) -> str:
        """Keep a sound crystal, or say why it is not kept."""
        broken = self._wish.broken(made.crystal, len(made.cell.species))
        if broken is not None:
            return f"wish {broken}"
        if not is_met:
            return "target"
        if self._known.holds(made.candidate):
            return "known"
        kind = reduced_formula(made.cell), made.crystal.template
        if (self._is_distinct and kind in self._kinds) or self._seen.holds(made.candidate):
            return "duplicate"
        if most is not None and len(self.made) >= most:
            return "not_needed"
        self._seen.add(made.candidate)
        self._kinds.add(kind)
        self.made.append(made)
        return ""

    def _made(
        self, candidate: Candidate, sound: Sound, aimed: Array, point: Array, values: Mapping[str, float]
    ) -> Made:
        counts = Counter(sound.crystal.species)
        apart = np.linalg.norm(self._ground.points - point, axis=1)
        drift = float((apart < np.linalg.norm(aimed - point)).mean())
        return Made(candidate, sound.wyckoff, aimed, point, drift, dict(values), is_balanced(counts.items()))

    def _provenance(self, parents: tuple[str, ...], note: str) -> Provenance:
        return Provenance(tool=TOOL, parents=parents, seed=self._seed, version=self._model.name, note=note)
