"""The planner with a chat model: it forms hypotheses and chooses through tools; code checks, statistics judge.

Knows the conversation, the bench and the builtin planner, which takes over wherever the chat model fails. Must not
spend anything but the chat model's own budget.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ...memory.chat_model_events import ChatExchanged, ChatGivenUp, ChatStep
from ...memory.errors import AthanorError
from ...memory.events import Event
from ...memory.foreign import clean, quoted
from ...memory.records import Goal
from ...prompts.render import render
from ..chat_model.replay import ReplayChatModel
from ..chat_model.usage import Usage
from ..planner import Pick, Proposal, Reflection
from ..planners.still_to_gain import still_to_gain
from .bench import Ask, Bench
from .briefing import account, briefing
from .known_values import Known, knowns_from_text
from .names import names_for
from .provenance import marked
from .submission import REFUSED, Submitted

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from ...memory.state import State
    from ...tools.properties.predicted import Chosen
    from ...tools.space import Space
    from ..chat_model.settings import ChatModelSettings
    from ..planners.builtin import BuiltinPlanner

FAILURES = 5
"""Steps in a row that the chat model may fail before it is not asked any more."""
NAMING = ("list_known_phases", "search_memory")
"""Tools that tell what names stand for; they are not there where names are hidden."""
MAX_REFLECTION = 1200
"""Characters."""


class LlmPlanner:
    """Asks a chat model, and falls back to the builtin planner."""

    name = "llm"

    def __init__(
        self,
        goal: Goal,
        space: Space,
        seed: int,
        builtin: BuiltinPlanner,
        settings: ChatModelSettings,
        model: BaseChatModel,
        predictor: Chosen | None = None,
        recall: Ask | None = None,
        fallback: BaseChatModel | None = None,
        recorded: Sequence[ChatExchanged] | None = None,
        withheld: Collection[str] = (),
    ) -> None:
        """Build a planner for a campaign.

        Args:
            goal: What is wanted, and what the chat model may cost.
            space: What may vary.
            seed: The campaign's seed.
            builtin: Makes candidates, and plans where the chat model does not.
            settings: Of the chat model.
            model: The chat model, connected.
            predictor: The oracle's.
            recall: Asks memory; None where there is none.
            fallback: The chat model that is asked where the other fails, connected.
            recorded: Exchanges of another campaign whose answers are given again, by batch and step; None to ask.
            withheld: Tools that it does without.
        """
        self.goal, self.space, self.seed, self._builtin = goal, space, seed, builtin
        self._settings, self._model, self._fallback = settings, model, fallback
        self._predictor, self._recall, self._recorded = predictor, recall, recorded
        self._names = names_for(goal, space, seed) if settings.names == "hidden" else None
        self._withheld = {*withheld, *(NAMING if self._names else ())}

    def propose(self, state: State, n: int) -> Proposal:
        """Have the chat model choose up to `n` candidates; what it leaves free the acquisition fills."""
        batch = state.batches + 1
        if n < 1 or _is_over(state):
            return self._builtin.propose(state, n)
        offer = self._builtin.offer(state)
        if not offer.candidates:
            return self._builtin.propose(state, n)
        seed, lessons = self.seed + batch, self._builtin.lessons
        bench = Bench(self.goal, self.space, state, n, seed, self._predictor, self._recall, lessons)
        bench.lay_out(offer.candidates)
        found: list[Submitted] = []
        text = briefing(self.goal, self.space, state, n, tuple(bench.features))
        events = self._talk(state, batch, "propose", lambda talk: self._plan(talk, bench, text, found))
        if not found:
            instead = self._builtin.propose(state, n)
            return replace(instead, events=(*events, *instead.events))
        batch_of = found[0]
        picks = _filled(batch_of, bench)
        left = still_to_gain(self.goal, state, bench.gain)
        return Proposal(picks, batch_of.hypothesis, (), offer.generators, (*events, *batch_of.events, *left))

    def _plan(self, talk: Any, bench: Bench, text: str, found: list[Submitted]) -> None:
        from .conversation import work
        from .tools import tools_for

        tools = [tool for tool in tools_for(bench, found.append) if tool.name not in self._withheld]
        said = work(talk, tools, render("plan"), text, lambda: bool(found))
        found[0] = _with_sources(found[0], text, said)

    def reflect(self, state: State, batch: int) -> Reflection:
        """Say what was computed, and what the chat model makes of it."""
        computed = self._builtin.reflect(state, batch)
        if _is_over(state) or not self._settings.reflection:
            return computed
        said: list[str] = []
        text = account(self.goal, state, batch)
        events = self._talk(state, batch, "reflect", lambda talk: _reflect(talk, text, said))
        thought = f" The chat model adds: {quoted(said[0], 2 * MAX_REFLECTION)}" if said else ""
        return Reflection(f"{computed.text}{thought}", events)

    def _talk(self, state: State, batch: int, step: ChatStep, about: Callable[[Any], None]) -> tuple[Event, ...]:
        """Hold a conversation; what was exchanged, and why nothing came of it if nothing did."""
        from .conversation import Conversation

        model, fallback = self._model, self._fallback
        if self._recorded is not None:
            own = [one.reply for one in self._recorded if (one.batch, one.step) == (batch, step)]
            model = ReplayChatModel(records=own)
            # What came of the tries of both stands in one list.
            fallback = model if self._settings.fallback else None

        def left(used: Usage) -> str:
            return self._spent(state, used)

        talk = Conversation(model, self._settings, batch, step, left, fallback=fallback, names=self._names)
        try:
            about(talk)
        except AthanorError as error:
            is_spent = bool(self._spent(state, talk.used))
            return (*talk.exchanges, _given_up(state, batch, step, str(error), is_spent))
        return tuple(talk.exchanges)

    def _spent(self, state: State, used: Usage) -> str:
        """Which part of the chat model's budget is used up; empty for none."""
        budget, before = self.goal.budget, state.exchanges
        calls = len(before) + used.calls
        tokens = sum(e.input_tokens + e.output_tokens for e in before) + used.input_tokens + used.output_tokens
        usd = sum(e.usd or 0.0 for e in before) + (used.usd or 0.0)
        if budget.chat_calls is not None and calls >= budget.chat_calls:
            return f"all {budget.chat_calls} questions of the budget are asked"
        if budget.chat_tokens is not None and tokens >= budget.chat_tokens:
            return f"all {budget.chat_tokens:,} tokens of the budget are used"
        if budget.chat_usd is not None and usd >= budget.chat_usd:
            return f"the {budget.chat_usd:g} USD of the budget are used"
        return ""


def _with_sources(found: Submitted, text: str, said: Sequence[str]) -> Submitted:
    """A batch whose words bear a mark at every property value that neither briefing nor tools nor the claim told."""
    known = [*knowns_from_text(text, "the briefing")]
    # What was refused repeats what the chat model wrote.
    known += [one for answer in said if not answer.startswith(REFUSED) for one in knowns_from_text(answer, "a tool")]
    claim = found.hypothesis
    if claim:
        told = claim.prediction
        known.append(Known(told.value, told.unit, told.property, "the claim itself"))
        known += [
            Known(one.value, "", one.feature, "the claim itself")
            for one in told.conditions
            if not isinstance(one.value, tuple)
        ]
    return found.worded(lambda text: marked(text, known))


def _reflect(talk: Any, text: str, said: list[str]) -> None:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    def call(messages: list[BaseMessage]) -> AIMessage:
        answer = talk.model.invoke(messages)
        if not isinstance(answer, AIMessage):
            raise TypeError(f"the chat model gave a {type(answer).__name__}")
        return answer

    reply = talk.ask(call, [SystemMessage(render("reflect")), HumanMessage(text)])
    said.append(marked(clean(str(reply.text), MAX_REFLECTION), knowns_from_text(text, "the account")))


def _filled(found: Submitted, bench: Bench) -> tuple[Pick, ...]:
    """The batch, with the acquisition's best in the places that were left free."""
    taken = {pick.candidate.id for pick in found.picks}
    free = [choice for choice in bench.ranking if choice.candidate.id not in taken]
    spare = free[: bench.n - len(found.picks)]
    return (*found.picks, *(bench.pick(choice, "left free by the chat model; acquisition's best") for choice in spare))


def _is_over(state: State) -> bool:
    return any(event.is_final for event in state.given_up)


def _given_up(state: State, batch: int, step: ChatStep, fault: str, is_spent: bool) -> ChatGivenUp:
    """A step without the chat model; the last one that it is asked for where too many failed in a row."""
    asked = list(dict.fromkeys((event.batch, event.step) for event in state.exchanges))
    failed = {(event.batch, event.step) for event in state.given_up}
    in_a_row = 1 + len(list(takewhile(failed.__contains__, reversed(asked))))
    return ChatGivenUp(batch=batch, step=step, reason=clean(fault, 400), is_final=is_spent or in_a_row >= FAILURES)
