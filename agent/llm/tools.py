"""What a chat model may call while it plans a batch: typed, cheap, and unable to spend anything.

Knows LangChain's tools, the bench and the tools' functions. Must not know chat models or conversations.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from ...memory.errors import RetryError, UserError
from ...memory.records import Candidate, Crystal
from ...tools.crystals.hull import known_phases
from ...tools.generators.edit import edited
from ...tools.generators.screen import broken_rule
from ..standing import columns_of
from .submission import REFUSED, Asked, BatchAsked, ConditionAsked, Submitted, condition_of, submitted
from .words import candidate_text, choice_line, name_of, trial_text

if TYPE_CHECKING:
    from .bench import Bench

RANKED, PHASES = 20, 30
"""Most lines that a tool answers with."""
SUBMIT = "submit_batch"


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


class EditAsked(Asked):
    """An edit of a crystal that was tried or is offered."""

    of: str = Field(description="A trial as #12, or a candidate's id.")
    kind: Literal["exchange", "replace", "remove", "add"] = Field(
        description="Swap two elements; put `other` in place of `element`; remove all of `element`; add one `element`."
    )
    element: str
    other: str = Field(default="", description="For exchange and replace.")


class PhasesAsked(Asked):
    """Known phases of some elements."""

    elements: list[str] = Field(min_length=1, max_length=4, description="Chemical symbols; only phases of these.")


def tools_for(bench: Bench, submit: Callable[[Submitted], None]) -> list[BaseTool]:
    """The tools of one planning step.

    Args:
        bench: What they look at and add to.
        submit: Is told of a batch that passed all checks.
    """
    units = dict(columns_of(bench.goal))

    def rank_candidates(**given: Any) -> str:
        asked = RankAsked.model_validate(given)
        conditions = [condition_of(one, bench) for one in asked.conditions]
        found = bench.ranked(asked.n, conditions)
        lines = [choice_line(choice, units) for choice in found]
        return "\n".join([f"{len(found)} of {len(bench.offered)} offered candidates, best first:", *lines])

    def look_at_trial(**given: Any) -> str:
        return trial_text(bench.trial(TrialAsked.model_validate(given).number))

    def look_at_candidate(**given: Any) -> str:
        return candidate_text(bench.candidate(CandidateAsked.model_validate(given).id))

    def edit_crystal(**given: Any) -> str:
        asked = EditAsked.model_validate(given)
        made = edited(_named(bench, asked.of), asked.kind, asked.element, asked.other)
        return _offered(bench, made)

    def list_known_phases(**given: Any) -> str:
        asked = PhasesAsked.model_validate(given)
        found = list(islice(known_phases().competitors(asked.elements), PHASES + 1))
        lines = [f"{phase.formula} (space group {phase.spacegroup}, {phase.id})" for phase in found[:PHASES]]
        more = "\nand more; name fewer elements to see others" if len(found) > PHASES else ""
        return f"{len(lines)} known phases:\n" + "\n".join(lines) + more

    def submit_batch(**given: Any) -> str:
        batch = submitted(BatchAsked.model_validate(given), bench)
        submit(batch)
        return f"accepted: {len(batch.picks)} candidates"

    made = [
        _tool(rank_candidates, "Rank the offered candidates by the acquisition function.", RankAsked),
        _tool(look_at_trial, "See all that is known of a trial.", TrialAsked),
        _tool(look_at_candidate, "See features and origin of an offered candidate.", CandidateAsked),
        _tool(submit_batch, "Hand in the batch. This ends the step.", BatchAsked),
    ]
    if bench.space.kind == "crystal":
        made[3:3] = [
            _tool(edit_crystal, "Make a new candidate by one edit of a crystal; it is then offered.", EditAsked),
            _tool(list_known_phases, "List known phases in a chemical system.", PhasesAsked),
        ]
    return made


def _tool(function: Callable[..., str], says: str, schema: type[BaseModel]) -> BaseTool:
    def told(**given: Any) -> str:
        try:
            return function(**given)
        except (RetryError, UserError) as error:
            return f"{REFUSED}{error}"

    name = function.__name__
    return StructuredTool.from_function(told, name=name, description=says, args_schema=schema)


def _named(bench: Bench, name: str) -> Candidate:
    """A trial's candidate, or an offered one."""
    if not name.startswith("#"):
        return bench.candidate(name)
    return bench.trial(int(name[1:]) if name[1:].isdecimal() else 0).candidate


def _offered(bench: Bench, made: Candidate) -> str:
    """Offer what was made, if it keeps the rules of the space and was not tried."""
    if bench.space.kind != "crystal" or not isinstance(made.content, Crystal):
        raise RetryError("only crystals can be edited")
    broken = broken_rule(made.content, bench.space)
    if broken:
        raise RetryError(f"{name_of(made)} breaks the rule on {broken.replace('_', ' ')} and cannot be offered")
    if not bench.is_untried(made):
        raise RetryError(f"{name_of(made)} was tried or is offered already")
    bench.offered[made.id] = made
    return f"offered now: {made.id} {name_of(made)}"
