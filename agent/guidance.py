"""What people tell a campaign: where to look, where not to, which trial may go ahead and which not.

Knows events, state, the ledger and the rules of a space. Must not know who tells it, or by what face.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..memory.errors import RetryError, UserError
from ..memory.events import Event
from ..memory.foreign import clean, quoted
from ..memory.people_events import HintGiven, HintWithdrawn, TrialAbandoned, TrialApproved
from ..memory.records import Candidate, Crystal
from ..memory.state import State, fold
from ..tools.parameters.parameter_space import ParameterSpace
from ..tools.parameters.sample import keeps
from ..tools.space import CrystalSpace, Space, space_of
from .labels import label_of

if TYPE_CHECKING:
    from ..memory.ledger import Ledger

Told = HintGiven | HintWithdrawn | TrialApproved | TrialAbandoned
"""What a person may tell a campaign."""


@dataclass(frozen=True)
class Guidance:
    """All hints that count for a batch, together.

    Attributes:
        hints: Those that count, in order of their numbers.
        banned: Elements that no candidate may hold.
        wanted: Elements of which half of the candidates hold at least one; empty for no wish.
        fixed: Variables that keep a value, each with it.
    """

    hints: tuple[HintGiven, ...] = ()
    banned: frozenset[str] = frozenset()
    wanted: frozenset[str] = frozenset()
    fixed: tuple[tuple[str, float | str], ...] = ()

    def allows(self, candidate: Candidate) -> bool:
        """Whether a candidate holds nothing that is banned, and what is fixed wherever it has the variable."""
        content = candidate.content
        if isinstance(content, Crystal):
            return self.banned.isdisjoint(content.species)
        return keeps(content, dict(self.fixed))

    def wants(self, candidate: Candidate) -> bool:
        """Whether a candidate holds something that is wanted."""
        content = candidate.content
        return isinstance(content, Crystal) and not self.wanted.isdisjoint(content.species)


def guidance(state: State, batch: int) -> Guidance:
    """The hints that count when a batch is planned; which do depends on the batch alone, not on when it is asked."""
    valid = [
        hint
        for number, hint in sorted(state.hints.items())
        if hint.since <= batch <= (hint.until or batch)
        and not (number in state.withdrawn and state.withdrawn[number].since <= batch)
    ]
    banned = frozenset(symbol for hint in valid for symbol in hint.banned)
    wanted = frozenset(symbol for hint in valid for symbol in hint.wanted) - banned
    fixed = dict(pair for hint in valid for pair in hint.fixed)
    return Guidance(tuple(valid), banned, wanted, tuple(fixed.items()))


def narrowed(space: CrystalSpace, banned: Iterable[str], wanted: Iterable[str] = ()) -> CrystalSpace:
    """A space without some elements, and of candidates that hold one of others."""
    kept = tuple(symbol for symbol in space.elements if symbol not in set(banned))
    low, high = space.n_elements
    required = tuple(wanted) or tuple(symbol for symbol in space.required if symbol in kept)
    return space.model_copy(
        update={"elements": kept, "required": required, "n_elements": (low, min(high, max(low, len(kept))))}
    )


def heard(told: Sequence[Told], state: State, space: Space) -> tuple[Event, ...]:
    """What a person tells a campaign as events of its ledger: checked, numbered and dated by batch.

    Raises:
        UserError: It cannot be followed; says why, and what is allowed.
    """
    events: list[Event] = []
    given = dict(state.hints)
    withdrawn, taken_back = set(state.withdrawn), set[int]()
    next_batch = state.batches + 1
    for one in told:
        match one:
            case HintGiven():
                hint = one.model_copy(update={"number": max(given, default=0) + 1, "since": next_batch})
                given[hint.number] = hint
                valid = [h for n, h in given.items() if n not in withdrawn and (h.until or next_batch) >= next_batch]
                _check_elements(valid, hint, space)
                _check_fixed(valid, hint, space)
                events.append(hint)
            case HintWithdrawn():
                if one.number not in given or one.number in withdrawn:
                    known = ", ".join(str(number) for number in given if number not in withdrawn)
                    raise UserError(f"there is no hint {one.number} to withdraw; there are: {known or 'none'}")
                withdrawn.add(one.number)
                events.append(one.model_copy(update={"since": next_batch}))
            case TrialApproved() | TrialAbandoned():
                _check_waits(one.trial, state, taken_back)
                taken_back |= {one.trial} if isinstance(one, TrialAbandoned) else set()
                events.append(one)
    return tuple(events)


def tell_offline(ledger: Ledger, campaign: str, *told: Told) -> None:
    """Tell a campaign something while no process is at work on it.

    Raises:
        UserError: It cannot be followed, or a process is at work on the campaign.
    """
    state = fold(ledger.entries(campaign))
    ledger.append(campaign, heard(told, state, space_of(state.spec)))


def _check_waits(number: int, state: State, taken_back: set[int]) -> None:
    waiting = {t.number: t for t in state.pending if t.status != "staged" and t.number not in taken_back}
    if number in waiting:
        return
    listed = ", ".join(f"#{one}" for one in waiting) or "none"
    if number not in state.trials:
        raise UserError(f"there is no trial #{number}; those that wait are: {listed}")
    status = "abandoned" if number in taken_back else state.trials[number].status
    told = "at work already" if status == "staged" else f"{status} already"
    raise UserError(f"trial #{number} is {told}; those that wait are: {listed}")


def _check_elements(valid: Sequence[HintGiven], new: HintGiven, space: Space) -> None:
    """See that a hint speaks of the space's elements, and that something is left of the space."""
    if not new.banned and not new.wanted:
        return
    if space.kind != "crystal":
        raise UserError("elements can be banned or wanted in a space of crystals only; this one has settings")
    strange = sorted({*new.banned, *new.wanted} - set(space.elements))
    if strange:
        raise UserError(f"{', '.join(strange)}: not among the elements of the space ({', '.join(space.elements)})")
    both = sorted(set(new.banned) & set(new.wanted))
    if both:
        raise UserError(f"{', '.join(both)}: both banned and wanted")
    banned = {symbol for hint in valid for symbol in hint.banned}
    left = narrowed(space, banned)
    if len(left.elements) < space.n_elements[0]:
        raise UserError(
            f"without {', '.join(sorted(banned))} only {', '.join(left.elements) or 'no element'} would be left; "
            f"crystals have {space.n_elements[0]} elements or more"
        )
    if space.required and not left.required:
        raise UserError(f"every crystal needs one of {', '.join(space.required)}; they cannot all be banned")


def _check_fixed(valid: Sequence[HintGiven], new: HintGiven, space: Space) -> None:
    """See that a hint fixes variables of the space to allowed values, and that some point has them all."""
    if not new.fixed:
        return
    if not isinstance(space, ParameterSpace):
        raise UserError("variables can be fixed in a space of parameters only")
    from ..tools.parameters.repair import repair

    known = [leaf.name for leaf in space.leaves]
    strange = [clean(name, 40) for name, _ in new.fixed if name not in known]
    if strange:
        raise UserError(f"{', '.join(strange)}: no such variable; there are {', '.join(known)}")
    try:
        repair(space, {}, dict(pair for hint in valid for pair in hint.fixed))
    except RetryError as error:
        raise UserError(f"{error}; what people have fixed before counts too") from error


def guidance_lines(state: State, batch: int) -> tuple[str, ...]:
    """The hints that count for a batch and the candidates that people took back, for people and chat models."""
    lines = []
    for hint in guidance(state, batch).hints:
        rules = [f"no {symbol}" for symbol in hint.banned]
        rules += [f"{name} is {value}" for name, value in hint.fixed]
        if hint.wanted:
            rules.append(f"half of the candidates with {' or '.join(hint.wanted)}")
        meant = f" ({'; '.join(rules)})" if rules else ""
        lines.append(f"Hint {hint.number} by {clean(hint.author, 64)}: {quoted(hint.text, 300)}{meant}")
    for trial in state.trials.values():
        if trial.abandoned:
            why = f": {quoted(trial.abandoned.reason, 200)}" if trial.abandoned.reason else ""
            lines.append(
                f"Taken back by {clean(trial.abandoned.author, 64)}: #{trial.number} {label_of(trial.candidate)}{why}"
            )
    return tuple(lines)
