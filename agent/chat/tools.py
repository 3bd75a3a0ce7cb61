"""What the chat model may call: questions about a campaign, a draft, and what the person wants passed on.

Knows LangChain's tools and the session's verbs. It can spend nothing: what costs something is only brought up, and the
person is asked by code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from ...memory.errors import AthanorError, RetryError
from ...memory.foreign import clean, quoted, readable
from .. import assemble
from ..llm.submission import REFUSED, Asked
from . import answers, pictures, turns
from .drafts import DraftAsked, drafted, yaml_of
from .session import Question
from .solving import TraceAsked, solved

if TYPE_CHECKING:
    from .session import Session

_MOST = 6000
"""Characters that a tool answers with."""
_ASKED = "Code shows it to the person and asks them, right after your answer. End your answer now, in a sentence."
_PASSAGES, _PHASES, _ROWS = 6, 30, 3


class NothingAsked(Asked):
    """No arguments."""


class TrialAsked(Asked):
    """A trial."""

    number: int = Field(description="Of the trial, without #.")


class TrialsAsked(Asked):
    """A list of trials."""

    kind: answers.Kind = "all"
    sort_by: str = Field(default="", description="A property, the largest value first; empty for the latest first.")
    elements: list[str] = Field(default_factory=list, description="Only crystals with all of these.")
    n: int = Field(default=10, ge=1, le=answers.MOST)


class ComparedAsked(Asked):
    """Two trials."""

    first: int
    second: int


class HypothesisAsked(Asked):
    """A hypothesis."""

    id: str = Field(description="As h3.")


class SearchAsked(Asked):
    """A question to memory."""

    question: str = Field(max_length=400)


class PhasesAsked(Asked):
    """Known phases of some elements."""

    elements: list[str] = Field(min_length=1, max_length=4, description="Chemical symbols; only phases of these.")


class TableLookedAt(Asked):
    """A table of the person's."""

    file: str = Field(description="As the person has named it in this chat.")


class HintAsked(Asked):
    """What the person wants of the campaign."""

    words: str = Field(description="The person's own words, quoted exactly from what they said in this chat.")
    banned: list[str] = Field(default_factory=list, description="Elements that no candidate may hold from now on.")
    wanted: list[str] = Field(default_factory=list, description="Elements of which half of the candidates hold one.")


class VetoAsked(Asked):
    """A trial that the person wants taken back."""

    number: int
    words: str = Field(description="The person's own words, quoted exactly from what they said in this chat.")


class ApprovalAsked(Asked):
    """Trials that the person wants approved."""

    numbers: list[int] = Field(min_length=1)


class CampaignAsked(Asked):
    """A campaign of this home."""

    name: str


class PlotAsked(Asked):
    """A picture."""

    kind: Literal["best_so_far", "objectives", "parity", "predictor", "energy_above_hull", "timeline"]


def tools_of(session: Session) -> list[BaseTool]:
    """The tools of one answer."""
    return [*_questions(session), *_verbs(session)]


def _questions(session: Session) -> list[BaseTool]:
    """Tools that only read."""

    def standing() -> str:
        return answers.standing_text(session.state())

    def list_trials(kind: answers.Kind, sort_by: str, elements: list[str], n: int) -> str:
        return answers.trials_text(session.state(), kind, sort_by, elements, n)

    def look_at_trial(number: int) -> str:
        return answers.look_text(session.state(), number)

    def why_trial(number: int) -> str:
        return answers.why_text(session.state(), number)

    def compare_trials(first: int, second: int) -> str:
        return answers.compare_text(session.state(), first, second)

    def hypotheses() -> str:
        return answers.hypotheses_text(session.state())

    def what_would_falsify(id: str) -> str:  # noqa: A002 - the argument's name in the schema
        return answers.falsify_text(session.state(), id)

    def list_campaigns() -> str:
        return ", ".join(session.ledger.campaigns()) or "none yet"

    def search_memory(question: str) -> str:
        return _searched(session, question)

    def list_known_phases(elements: list[str]) -> str:
        return _phases(elements)

    def look_at_table(file: str) -> str:
        return _table(session, file)

    def solve(**given: Any) -> str:
        asked = TraceAsked.model_validate(given)
        if asked.file:
            _named_by_person(session, asked.file)
        return solved(session, asked)

    return [
        _tool(standing, "Goal, budget, best so far, hypotheses, hints of the campaign.", NothingAsked),
        _tool(list_trials, "A list of trials with their values.", TrialsAsked),
        _tool(look_at_trial, "All that is known of a trial.", TrialAsked),
        _tool(why_trial, "Why a trial was proposed, and what was expected.", TrialAsked),
        _tool(compare_trials, "Two trials side by side, with differences.", ComparedAsked),
        _tool(hypotheses, "All hypotheses with verdicts and evidence.", NothingAsked),
        _tool(what_would_falsify, "What would refute a hypothesis.", HypothesisAsked),
        _tool(list_campaigns, "Names of all campaigns of this home.", NothingAsked),
        _tool(search_memory, "Search what campaigns have learned and people have noted.", SearchAsked),
        _tool(list_known_phases, "Known phases of a chemical system.", PhasesAsked),
        _tool(look_at_table, "Columns and first rows of a CSV file that the person has named.", TableLookedAt),
        _tool(solve, "Solve an equation of physics, or infer what is unknown in it from a trace.", TraceAsked),
    ]


def _verbs(session: Session) -> list[BaseTool]:
    """Tools that change something which costs nothing, or bring a question up."""

    def draft_campaign(**given: Any) -> str:
        asked = DraftAsked.model_validate(given)
        if asked.table:
            _named_by_person(session, asked.table.file)
        file = drafted(asked, session.ledger.campaigns(), session.chat_model.settings)
        session.screen.line(session.lay_out(file))
        session.ask_to_start()
        return f"The draft is valid. {_ASKED}\n{yaml_of(file)}"

    def propose_start() -> str:
        session.ask_to_start()
        return _ASKED

    def propose_resume(name: str) -> str:
        assemble.state_of(name, session.ledger)
        session.question = Question(f"Go on with campaign {clean(name, 64)}? [y/n]", lambda: session.resume(name))
        return _ASKED

    def propose_approval(numbers: list[int]) -> str:
        listed = ", ".join(f"#{number}" for number in numbers)
        for number in numbers:
            answers.trial_of(session.state(), number)

        def approve() -> None:
            session.screen.line(session.approve(tuple(numbers)))

        session.question = Question(f"Let {listed} begin? [y/n]", approve)
        return _ASKED

    def give_hint(words: str, banned: list[str], wanted: list[str]) -> str:
        said = _said_by_person(session, words)
        return _shown(session, session.hint(said, tuple(banned), tuple(wanted)))

    def withdraw_hint(number: int) -> str:
        return _shown(session, session.withdraw(number))

    def veto_trial(number: int, words: str) -> str:
        return _shown(session, session.veto(number, _said_by_person(session, words)))

    def pause() -> str:
        return _shown(session, session.pause())

    def turn_to_campaign(name: str) -> str:
        session.choose(name)
        return answers.standing_text(session.state())

    def make_plot(kind: str) -> str:
        return _shown(session, pictures.plot(session, kind))

    def write_structure(number: int) -> str:
        return _shown(session, pictures.structure(session, number))

    def write_report() -> str:
        return _shown(session, pictures.report(session))

    return [
        _tool(draft_campaign, "Draft a campaign file; it is checked and shown, and the person is asked.", DraftAsked),
        _tool(propose_start, "Have the person asked again whether the draft may start.", NothingAsked),
        _tool(propose_resume, "Have the person asked whether to go on with a campaign.", CampaignAsked),
        _tool(propose_approval, "Have the person asked whether trials may begin.", ApprovalAsked),
        _tool(give_hint, "Pass on what the person wants the campaign to try or to leave out.", HintAsked),
        _tool(withdraw_hint, "Take a hint back that the person does not want any more.", TrialAsked),
        _tool(veto_trial, "Take a trial back before it is at work, because the person says so.", VetoAsked),
        _tool(pause, "End the run softly, because the person says so.", NothingAsked),
        _tool(turn_to_campaign, "Talk about another campaign of this home.", CampaignAsked),
        _tool(make_plot, "Draw a picture into a file.", PlotAsked),
        _tool(write_structure, "Write a trial's crystal as a CIF file.", TrialAsked),
        _tool(write_report, "Write the report of the campaign.", NothingAsked),
    ]


def _tool(function: Callable[..., str], says: str, schema: type[BaseModel]) -> BaseTool:
    def told(**given: Any) -> str:
        try:
            # Through the schema once more: what LangChain hands on are parts of it, without its defaults.
            text = function(**schema.model_validate(given).model_dump())
        except AthanorError as error:
            return f"{REFUSED}{error}"
        return text if len(text) <= _MOST else f"{text[:_MOST]}\n(cut here; ask for less)"

    return StructuredTool.from_function(told, name=function.__name__, description=says, args_schema=schema)


def _shown(session: Session, text: str) -> str:
    """What code says to the person itself, and to the chat model."""
    session.screen.line(text)
    return f"done, and shown to the person: {text}"


def _said_by_person(session: Session, words: str) -> str:
    """The person's words, if they are.

    Raises:
        RetryError: The person has not said them in this chat; a note or a paper may have.
    """
    wanted = " ".join(readable(words).casefold().split()).strip(" .\"'«»")
    if not wanted or not any(wanted in said for said in _persons_words(session)):
        raise RetryError(
            f"words: the person has not said {quoted(words, 200)}; quote exactly what they said in this chat"
        )
    return readable(words)


def _named_by_person(session: Session, file: str) -> None:
    if not any(file.casefold() in said for said in _persons_words(session)):
        raise RetryError(f"file: the person has not named {quoted(file, 200)}; ask where the table lies")


def _persons_words(session: Session) -> list[str]:
    said = [turn.message for turn in session.turns if turn.message.get("role") == turns.PERSON]
    return [" ".join(str(message["content"]).casefold().split()) for message in said]


def _searched(session: Session, question: str) -> str:
    from ...memory.recall import Where
    from ..recollection.recollections import ask
    from ..recollection.remember import catch_up, everything

    with closing(assemble.open_index(session.home)) as index:
        catch_up(session.ledger, index, everything(session.ledger))
        found = ask(index, session.ledger, question, _PASSAGES, Where())
    lines = []
    for passage in found.passages:
        document = passage.document
        trials = "".join(f" #{number}" for number in document.trials[:8])
        who = f" by {clean(document.author, 64)}" if document.author else ""
        lines.append(
            f"{document.kind} of {quoted(document.campaign or 'the home', 64)}{trials}{who}: {quoted(document.text)}"
        )
    return "\n".join(lines) or "Nothing was found."


def _phases(elements: list[str]) -> str:
    from itertools import islice

    from ...tools.crystals.hull import known_phases

    found = list(islice(known_phases().competitors(elements), _PHASES + 1))
    lines = [f"{phase.formula} (space group {phase.spacegroup}, {phase.id})" for phase in found[:_PHASES]]
    more = "\nand more; name fewer elements to see others" if len(found) > _PHASES else ""
    return f"{len(lines)} known phases:\n" + "\n".join(lines) + more


def _table(session: Session, file: str) -> str:
    from pathlib import Path

    _named_by_person(session, file)
    path = Path(file).expanduser()
    if path.suffix.lower() != ".csv":
        raise RetryError("only files that end with .csv can be looked at")
    try:
        with path.open(encoding="utf-8-sig") as opened:
            lines = [line for _, line in zip(range(_ROWS + 1), opened, strict=False)]
    except (OSError, UnicodeDecodeError) as error:
        raise RetryError(f"{file} cannot be read: {error}") from error
    return "\n".join(["header, then the first rows:", *(quoted(line, 600) for line in lines)])
