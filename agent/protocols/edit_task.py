"""The tasks of LLMatDesign: crystals edited one element at a time, towards a band gap or a low formation energy.

Knows campaign files, the ten crystals to start from and the predictor that answers. Must not know who plans.

Source: Jia et al., arXiv:2406.13163: 10 starts, at most 50 edits, a gap of 1.4 eV within 10 %. Its networks are not
ours, so figures compare planners here, and only ratios with those published.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from ...memory.errors import TerminalError, UserError
from ...memory.records import Candidate, Crystal, Failure, Measurement, Outcome, Provenance
from ...memory.state import State
from ...tools.generators.edits import Edits
from ..campaign_file import CampaignFile, PlannerName, parse_campaign
from ..chat_model.settings import ChatModelSettings
from .one_by_one import paid

TaskName = Literal["gap", "formation"]
TARGET, TOLERANCE = 1.4, 0.14
"""eV: success is a gap within 10 % of the target."""
WITHHELD = ("predict_properties", "generate_crystals")
"""Tools that a chat model does without: the first would be the oracle at no cost, the second is no edit."""
MOST_ATOMS, MOST_ELEMENTS = 40, 6
_SECONDS, _FORCE, _STEPS = 300.0, 0.1, 100
"""Processor time, eV/Å and steps of a relaxation."""


@dataclass(frozen=True)
class EditTask:
    """One of the two tasks.

    Attributes:
        name: `gap` or `formation`.
        edits: Most edits from one start.
        is_relaxed: Whether CHGNet relaxes each crystal before it is looked at, as in the publication; without, it keeps
            the edited cell, scaled to the volume that its elements take.
    """

    name: TaskName
    edits: int = 50
    is_relaxed: bool = False

    @property
    def wanted(self) -> str:
        """What the predictor is asked for."""
        return "band_gap" if self.name == "gap" else "formation_energy"

    @property
    def unit(self) -> str:
        """Its unit."""
        return "eV" if self.name == "gap" else "eV/atom"

    def is_met(self, state: State) -> bool:
        """Whether the last edit has met the target; a low formation energy is never low enough."""
        values = [trial.values[self.wanted] for trial in paid(state) if self.wanted in trial.values]
        return self.name == "gap" and bool(values) and abs(values[-1] - TARGET) <= TOLERANCE

    def campaign(
        self, start: str, planner: PlannerName, seed: int, chat_model: ChatModelSettings | None
    ) -> CampaignFile:
        """The campaign of one start and seed."""
        aim: Mapping[str, Any] = {"direction": "minimise"}
        if self.name == "gap":
            aim = {"direction": "target", "target": TARGET, "tolerance": TOLERANCE}
        content = {
            "goal": {
                "statement": f"Begin with {start} and edit crystals, one element at a time",
                "objectives": [{"property": self.wanted, "unit": self.unit, **aim}],
                "budget": {"evaluations": self.edits, "failures_in_a_row": self.edits},
            },
            "space": {
                "kind": "crystal",
                "elements": list(_elements()),
                "n_elements": [1, MOST_ELEMENTS],
                "max_atoms": MOST_ATOMS,
                "generators": [Edits.name],
            },
            "oracle": {"kind": "manual", "properties": {self.wanted: self.unit}},
            "planner": planner,
            "seed": seed,
            "batch": 1,
            "memory": False,
            "chat_model": chat_model.model_dump(mode="json") if chat_model and planner == "llm" else None,
        }
        # What was done with another chat model, or for another number of edits, is not to be gone on with.
        mark = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{self.name}{'-relaxed' if self.is_relaxed else ''}-{planner}-{start}-{seed}-{mark}"
        return parse_campaign({"name": name, **content}, "benchmark")

    def answer(self, candidate: Candidate) -> Outcome:
        """What the predictor says of a crystal, or why it says nothing."""
        from ...tools.predict import predict
        from ...tools.predictor import shipped_predictor

        crystal = candidate.content
        if not isinstance(crystal, Crystal):
            raise TypeError("the tasks are about crystals")
        if self.is_relaxed:
            try:
                crystal = _relaxed(crystal)
            except TerminalError as error:
                return Outcome(failure=Failure(kind="unconverged", message=str(error)))
        found = predict([crystal], shipped_predictor())
        if found.refusals[0] is not None:
            return Outcome(failure=Failure(kind="infeasible", message=found.refusals[0]))
        told = found.properties[self.wanted]
        value = Measurement(
            property=self.wanted,
            value=float(told.mean[0]),
            deviation=float(told.deviation[0]),
            unit=self.unit,
            method="predicted",
            source=found.source,
        )
        return Outcome(measurements=(value,), crystal=crystal if self.is_relaxed else None)


def task_name(name: str) -> TaskName:
    """A task by its name.

    Raises:
        UserError: There is none.
    """
    known: Mapping[str, TaskName] = {"gap": "gap", "formation": "formation"}
    if name not in known:
        raise UserError(f"--task {name}: {', '.join(known)} are allowed")
    return known[name]


@lru_cache(maxsize=1)
def starts() -> Mapping[str, Candidate]:
    """The ten crystals by formula, as CHGNet relaxes them."""
    text = (files("athanor.tools") / "reference" / "edit_starts.json").read_text("utf-8")
    crystals = {formula: Crystal.model_validate(one) for formula, one in json.loads(text).items()}
    return {
        formula: Candidate(content=one, provenance=Provenance(tool="start", note=formula))
        for formula, one in crystals.items()
    }


def chosen(names: list[str] | None) -> Mapping[str, Candidate]:
    """Some of the starts, or all.

    Raises:
        UserError: There is no start of a name.
    """
    strange = [name for name in names or () if name not in starts()]
    if strange:
        raise UserError(f"--start {strange[0]}: there is no such start; {', '.join(starts())} are allowed")
    return {name: starts()[name] for name in names or starts()}


@lru_cache(maxsize=1)
def _elements() -> tuple[str, ...]:
    from ...tools.generators.volume import estimable_elements
    from ...tools.predictor import shipped_predictor

    return tuple(sorted(set(shipped_predictor().elements) & set(estimable_elements())))


def _relaxed(crystal: Crystal) -> Crystal:
    """The crystal relaxed by CHGNet, its symmetry kept.

    Raises:
        TerminalError: It does not come to rest, or blows up or collapses.
    """
    from ...tools.crystals.structure import from_atoms, to_atoms
    from ...tools.oracles.guards import check_change
    from ...tools.oracles.potentials import load_potential
    from ...tools.oracles.relax import OutOfTime, prepare, relax

    atoms = prepare(to_atoms(crystal), load_potential("chgnet").calculator)
    before = atoms.get_volume()
    try:
        end = relax(atoms, fmax=_FORCE, max_steps=_STEPS, deadline=time.process_time() + _SECONDS)
    except OutOfTime as error:
        raise TerminalError(str(error)) from error
    fault = check_change(before, end.atoms.get_volume())
    if fault is not None or not np.isfinite(end.energy):
        raise TerminalError(fault.message if fault else "the energy is not finite")
    return from_atoms(end.atoms)
