"""The verbs of a chat as slash commands: one table, from which the help and the completion are made.

Knows a session and what can be asked about a campaign. Must not know chat models or terminals.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.parameters.words import read_values
from ...tools.space import space_of
from .. import assemble
from ..campaign_file import read_campaign_file
from ..labels import duration
from . import answers, by_hand, pictures
from .drafts import yaml_of
from .limits import usage_text
from .solving import solve

if TYPE_CHECKING:
    from .session import Session

Run = Callable[["Session", str], str]


@dataclass(frozen=True)
class Command:
    """A verb.

    Attributes:
        name: Without its slash.
        takes: What may stand behind it, as help shows it.
        says: What it does.
        run: Does it; gives what is shown.
    """

    name: str
    takes: str
    says: str
    run: Run


def obey(session: Session, line: str) -> str:
    """Follow a slash command; what is shown.

    Raises:
        UserError: There is no such command, or it cannot be followed.
    """
    name, _, given = line.removeprefix("/").partition(" ")
    command = next((one for one in COMMANDS if one.name == name.lower()), None)
    if command is None:
        alike = [f"/{one.name}" for one in COMMANDS if one.name[:1] == name[:1].lower()]
        raise UserError(
            f"there is no /{clean(name, 20)}; {' '.join(alike) + '; ' if alike else ''}/help lists them all"
        )
    return command.run(session, given.strip())


def _help(_: Session, __: str) -> str:
    heads = [f"/{one.name} {one.takes}".rstrip() for one in COMMANDS]
    width = max(map(len, heads))
    lines = [f"  {head:<{width}}  {one.says}" for head, one in zip(heads, COMMANDS, strict=True)]
    about = "Anything else goes to the chat model, if one is named."
    return "\n".join([*lines, about])


def _new(session: Session, given: str) -> str:
    if not given:
        raise UserError("/new FILE: a campaign file in YAML, or the name of a ready-made campaign")
    path = Path(given).expanduser()
    if path.is_file() or path.suffix:
        return session.lay_out(read_campaign_file(path))
    file = read_campaign_file(assemble.ready_made(given))
    return session.lay_out(file.model_copy(update={"name": assemble.free_name(file.name, session.ledger)}))


def _show(session: Session, _: str) -> str:
    if session.draft:
        return f"{yaml_of(session.draft)}\n(a draft; /start asks you before anything is spent)"
    from ..campaign_file import parse_campaign

    state = session.state()
    return yaml_of(parse_campaign(state.spec, f"campaign {session.campaign} in the ledger"))


def _start(session: Session, _: str) -> str:
    session.ask_to_start()
    return ""


def _status(session: Session, _: str) -> str:
    at_work = f"\nIt is at work in this chat{_waits(session)}." if session.work else ""
    return answers.standing_text(session.state()) + at_work


def _waits(session: Session) -> str:
    return ", and waits for your approval" if session.work and session.work.is_waiting_for_approval else ""


def _trials(session: Session, given: str) -> str:
    kinds: dict[str, answers.Kind] = {k: k for k in ("all", "hits", "completed", "failed", "pending")}
    first, _, rest = given.partition(" ")
    if first in kinds:
        return answers.trials_text(session.state(), kinds[first], rest.strip())
    return answers.trials_text(session.state(), "all", given)


def _number(given: str, usage: str) -> int:
    text = given.strip().removeprefix("#")
    if not text.isdecimal():
        raise UserError(f"{usage}: a number is needed, as in {usage.split(maxsplit=1)[0]} 3")
    return int(text)


def _symbols(given: str, usage: str) -> tuple[str, ...]:
    symbols = tuple(word.strip(",;").capitalize() for word in given.replace(",", " ").split())
    if not symbols:
        raise UserError(f"{usage}: chemical symbols are needed, as in {usage.split(maxsplit=1)[0]} Co")
    return symbols


def _hint(session: Session, given: str) -> str:
    if not given:
        raise UserError("/hint WORDS: what the chat model that plans should know")
    return session.hint(given)


def _ban(session: Session, given: str) -> str:
    symbols = _symbols(given, "/ban Co")
    return session.hint(f"/ban {given}", banned=symbols)


def _want(session: Session, given: str) -> str:
    symbols = _symbols(given, "/want S")
    return session.hint(f"/want {given}", wanted=symbols)


def _fix(session: Session, given: str) -> str:
    """What is behind the sign may hold blanks, `anneal=900 K`; a name may not."""
    usage = "/fix VARIABLE=VALUE: what keeps a value from the next batch on"
    pairs = [pair.partition("=") for pair in re.split(r"[,\s]+(?=[^\s=,]+=)", given) if pair]
    if not pairs or not all(name and sign for name, sign, _ in pairs):
        raise UserError(usage)
    space = space_of(session.state().spec)
    if not isinstance(space, ParameterSpace):
        raise UserError("variables can be fixed in a space of parameters only")
    values = read_values(space, {name: value for name, _, value in pairs})
    return session.hint(f"/fix {given}", fixed=tuple(values.items()))


def _approve(session: Session, given: str) -> str:
    if given in ("on", "off"):
        return session.need_approval(given == "on")
    if given in ("", "all"):
        return session.approve(session.waiting)
    return session.approve(tuple(_number(word, "/approve N") for word in given.replace(",", " ").split()))


def _veto(session: Session, given: str) -> str:
    number, _, reason = given.partition(" ")
    return session.veto(_number(number, "/veto N reason"), reason)


def _resume(session: Session, given: str) -> str:
    name = given or session.campaign
    if not name:
        raise UserError(f"/resume NAME: which one? There are: {', '.join(session.ledger.campaigns()) or 'none yet'}")
    session.resume(name)
    return ""


def _wait(session: Session, _: str) -> str:
    work = session.work
    if work is None:
        return "No campaign is at work."
    work.wait(lambda: work.is_waiting_for_approval)
    return "It waits for your approval." if work.is_running else ""


def _campaigns(session: Session, given: str) -> str:
    if given:
        session.choose(given)
        return answers.standing_text(session.state())
    lines = []
    for name in session.ledger.campaigns():
        state = assemble.state_of(name, session.ledger)
        end = state.ended.reason if state.ended else "running or killed" if state.has_run else "open"
        made = sum(trial.is_finished and trial.is_paid for trial in state.trials.values())
        chosen = "*" if name == session.campaign else " "
        lines.append(f"{chosen} {name}: {end}, {made} evaluations, {duration(state.spent)}")
    return "\n".join(lines) or "No campaigns here yet."


def _quit(session: Session, _: str) -> str:
    session.has_ended = True
    return ""


def _compare(session: Session, given: str) -> str:
    words = given.replace(",", " ").split()
    if len(words) != 2:
        raise UserError("/compare N M: two numbers of trials are needed")
    return answers.compare_text(session.state(), *(_number(word, "/compare N M") for word in words))


COMMANDS: tuple[Command, ...] = (
    Command("help", "", "this list", _help),
    Command("new", "FILE", "draft from a campaign file (YAML), or a ready-made campaign by its name", _new),
    Command("show", "", "the draft, or the file of the campaign", _show),
    Command("start", "", "start the draft; you are asked before anything is spent", _start),
    Command("status", "", "goal, budget, best so far, hypotheses, what people have said", _status),
    Command("trials", "[hits|completed|failed|pending] [PROPERTY]", "trials, sorted by a property", _trials),
    Command("trial", "N", "all about a trial", lambda s, g: answers.look_text(s.state(), _number(g, "/trial N"))),
    Command("why", "N", "why a trial was proposed", lambda s, g: answers.why_text(s.state(), _number(g, "/why N"))),
    Command("compare", "N M", "two trials side by side", _compare),
    Command("hypotheses", "", "claims with verdicts and evidence", lambda s, g: answers.hypotheses_text(s.state())),
    Command("falsify", "H", "what would refute a claim", lambda s, g: answers.falsify_text(s.state(), g or "?")),
    Command("hint", "WORDS", "tell the campaign something in words", _hint),
    Command("ban", "Co [Mn …]", "no candidate with these elements from the next batch on", _ban),
    Command("want", "S [Se …]", "half of the new candidates with one of these elements", _want),
    Command("fix", "VARIABLE=VALUE …", "a variable keeps a value from the next batch on", _fix),
    Command("hints", "", "what the campaign was told", lambda s, g: answers.hints_text(s.state())),
    Command("drop", "N", "take a hint back", lambda s, g: s.withdraw(_number(g, "/drop N"))),
    Command("approve", "[N …|all|on|off]", "let trials begin; on: from now on they wait for you", _approve),
    Command("suggest", "[N]", "what to try next, where people evaluate", by_hand.suggest),
    Command("observe", "N PROPERTY=VALUE …", "what came of a trial that a person has evaluated", by_hand.observe),
    Command("veto", "N reason", "take a trial back before it is at work", _veto),
    Command("pause", "", "end the run softly; nothing is lost", lambda s, g: s.pause()),
    Command("resume", "[NAME]", "go on with a campaign", _resume),
    Command("wait", "", "wait until the campaign ends, or needs your approval", _wait),
    Command("solve", "PROBLEM|#N [FILE] [NAME=VALUE …]", "infer a property from a trace, or solve an equation", solve),
    Command("plot", "[KIND]", "draw a picture and say where it lies", pictures.plot),
    Command(
        "structure",
        "N",
        "write a trial's crystal as a CIF file",
        lambda s, g: pictures.structure(s, _number(g, "/structure N")),
    ),
    Command("report", "", "write the report", lambda s, g: pictures.report(s)),
    Command("usage", "", "what the chat model has cost in this chat", lambda s, g: usage_text(s.used, s.limits)),
    Command("campaigns", "[NAME]", "list campaigns, or turn to one", _campaigns),
    Command("quit", "", "leave; a running campaign is paused", _quit),
)
