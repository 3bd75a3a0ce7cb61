"""What a chat model may call while it plans a batch: typed, cheap, bounded, and unable to spend anything.

Knows LangChain's tools, the bench and the tools' functions. Must not know chat models or conversations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field, ValidationError

from ...memory.errors import AthanorError
from ...memory.foreign import clean
from ...tools.crystals.hull import known_phases
from ..standing import columns_of
from .generation import CrystalsAsked, EditAsked, by_rules, edit, generate_crystals
from .latent import LatentAsked, decoding
from .prediction import PredictAsked, predict_properties
from .setting import SettingAsked, offer_setting
from .solving import SolveAsked, solve_text
from .submission import REFUSED, Asked, BatchAsked, ConditionAsked, Submitted, condition_of, submitted
from .words import candidate_text, choice_line, passage_line, trial_text

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from .bench import Bench

RANKED, PHASES = 20, 30
"""Most lines that a tool answers with."""
LINES, CHARACTERS = 40, 6000
"""What no answer of a tool goes beyond."""
REFUSAL = 800
"""Characters of the reason in a refusal."""
SUBMIT = "submit_batch"
A = TypeVar("A", bound=BaseModel)


class RankAsked(Asked):
    """Which candidates the acquisition wants most."""

    n: int = Field(ge=1, le=RANKED, description="How many.")
    conditions: list[ConditionAsked] = Field(default_factory=list, description="Only those that meet all of these.")


class TrialAsked(Asked):
    """A trial to look at."""

    number: int = Field(description="Of the trial, without #.")


class CandidateAsked(Asked):
    """A candidate to look at."""

    id: str = Field(description="Its 16-digit id.")


class PhasesAsked(Asked):
    """Known phases of some elements."""

    elements: list[str] = Field(min_length=1, max_length=4, description="Chemical symbols; only phases of these.")


class MemoryAsked(Asked):
    """A question to memory."""

    question: str = Field(min_length=1, max_length=300, description="In words; what is nearest in meaning is found.")


def tools_for(bench: Bench, submit: Callable[[Submitted], None]) -> list[BaseTool]:
    """The tools of one planning step: those that make sense in its space, and that are there.

    Args:
        bench: What they look at and add to.
        submit: Is told of a batch that passed all checks.
    """
    is_crystal, recall = bench.space.kind == "crystal", bench.recall
    model = _latent_model(bench) if is_crystal else None
    units = dict(columns_of(bench.goal))
    # LangChain runs the calls of one message in threads, and they all change the same bench.
    tool = partial(_tool, Lock())

    def rank(asked: RankAsked) -> str:
        conditions = [condition_of(one, bench) for one in asked.conditions]
        found = bench.ranked(asked.n, conditions)
        lines = [choice_line(choice, units) for choice in found]
        return "\n".join([f"{len(found)} of {len(bench.offered)} offered candidates, best first:", *lines])

    def phases(asked: PhasesAsked) -> str:
        found = list(islice(known_phases().competitors(asked.elements), PHASES + 1))
        lines = [f"{phase.formula} (space group {phase.spacegroup}, {phase.id})" for phase in found[:PHASES]]
        more = "\nand more; name fewer elements to see others" if len(found) > PHASES else ""
        return f"{len(lines)} known phases:\n" + "\n".join(lines) + more

    def remembered(asked: MemoryAsked) -> str:
        found = [passage_line(passage) for passage in (recall(asked.question) if recall else ())]
        return "\n".join([f"{len(found)} passages of memory, the nearest first of each kind:", *found])

    def hand_in(asked: BatchAsked) -> str:
        batch = submitted(asked, bench)
        submit(batch)
        return f"accepted: {len(batch.picks)} candidates"

    made = [
        tool("rank_candidates", "Rank the offered candidates by the acquisition function.", RankAsked, rank),
        tool(
            "look_at_trial",
            "See all that is known of a trial.",
            TrialAsked,
            lambda a: trial_text(bench.trial(a.number)),
        ),
        tool(
            "look_at_candidate",
            "See features and origin of an offered candidate.",
            CandidateAsked,
            lambda a: candidate_text(bench.candidate(a.id)),
        ),
    ]
    if is_crystal:
        made += [
            tool(
                "edit_crystal",
                "Make a new candidate by one edit of a crystal; it is then offered.",
                EditAsked,
                lambda a: edit(a, bench),
            ),
            tool(
                "generate_crystals",
                "Make new crystals as wished for; those that keep the rules are then offered.",
                LatentAsked if model else CrystalsAsked,
                lambda a: generate_crystals(a, bench, decoding(model) if model else by_rules),
            ),
            tool(
                "predict_properties",
                "Have a trained model predict properties of crystals, with standard deviations.",
                PredictAsked,
                lambda a: predict_properties(a, bench),
            ),
            tool("list_known_phases", "List known phases in a chemical system.", PhasesAsked, phases),
        ]
    if bench.space.kind == "parameters":
        says = "Make a setting of your own; the nearest allowed one is then offered."
        made.append(tool("offer_setting", says, SettingAsked, lambda a: offer_setting(a, bench)))
    says = "Solve an equation of physics, or infer what is unknown in it from a trial's raw trace."
    made.append(tool("solve", says, SolveAsked, lambda a: solve_text(a, bench.state)))
    if recall:
        says = "Search what other campaigns and people have claimed, found and noted."
        made.append(tool("search_memory", says, MemoryAsked, remembered))
    return [*made, tool(SUBMIT, "Hand in the batch. This ends the step.", BatchAsked, hand_in)]


def _latent_model(bench: Bench) -> LatentModel | None:
    """The shipped generative model, where it can be loaded and knows enough of the space's elements."""
    from ...tools.latent_model import shipped_latent_model

    try:
        model = shipped_latent_model()
    except AthanorError:
        return None
    space = bench.space
    enough = space.kind == "crystal" and len(set(space.elements) & set(model.elements)) >= space.n_elements[0]
    return model if enough else None


def _tool(lock: Lock, name: str, says: str, schema: type[A], answer: Callable[[A], str]) -> BaseTool:
    def told(**given: Any) -> str:
        try:
            with lock:
                return bounded(answer(schema.model_validate(given)))
        except AthanorError as error:
            return f"{REFUSED}{clean(str(error), REFUSAL)}"
        except Exception as error:  # noqa: BLE001 - what a library makes of a strange crystal must not end a campaign
            return f"{REFUSED}it failed ({type(error).__name__}: {clean(str(error), REFUSAL)}); ask for something else"

    return StructuredTool.from_function(
        told, name=name, description=says, args_schema=schema, handle_validation_error=_what_is_wrong
    )


def bounded(text: str) -> str:
    """An answer that is cut where it is too long, and says so."""
    lines = text.split("\n")
    kept = "\n".join(lines[:LINES])[:CHARACTERS]
    return text if kept == text else f"{kept.rstrip()}\n… cut here; ask for less"


def _what_is_wrong(error: Any) -> str:
    """Which arguments of a call cannot be used, and what is allowed."""
    if not isinstance(error, ValidationError):
        return f"{REFUSED}{clean(str(error), REFUSAL)}"
    faults = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()[:4]]
    return f"{REFUSED}{clean('; '.join(faults), REFUSAL)}"
