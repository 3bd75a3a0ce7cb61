"""The judge: a verdict on a hypothesis from what came back after it was stated.

Knows records, state and the features of candidates. Must not know planners, nor what is done about a verdict.

The claim of every hypothesis is that most candidates that meet its conditions pass its bound: a rate above one half.
Two gamblers bet on each counted trial at even odds, one that it passes and one that it does not, each with a fixed
share `STAKE` of what they own. If the rate were one half or less, the first could expect no gain however the trials
are chosen and whenever one stops to look; owning `LEVEL` times the start then happens with probability 1/LEVEL at
most. docs/decisions/0006 has the error rates, and why this rather than a posterior probability.

Source: Shafer, J. R. Stat. Soc. A 184, 407 (2021), doi:10.1111/rssa.12647 (betting, Ville's inequality).

| symbol | variable |
|--------|----------|
| λ, stake | `STAKE` |
| 1/α, capital at which a claim is decided | `LEVEL` |
| K = (1 + λ)^wins (1 − λ)^losses | `capital` |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..memory.records import Constraint, Hypothesis, Judgement, Verdict
from ..tools.crystals.feature import meets

if TYPE_CHECKING:
    from ..memory.state import State, Trial

STAKE = 0.6
LEVEL = 10.0
ENOUGH = 12
"""Trials counted after which a hypothesis that is neither supported nor refuted is given up as inconclusive."""
PATIENCE = 32
"""Finished trials of any kind after which it is given up likewise, so that a claim nobody can test ends too."""


def judge(hypothesis: Hypothesis, state: State) -> Judgement:
    """Judge a hypothesis by the trials proposed after it was stated.

    A trial counts if its number is `hypothesis.since` or above and not among `hypothesis.evidence`, its candidate
    was not tried before, meets the conditions as proposed, and the oracle answered the property. Failed trials say
    nothing about a bound on a property: they are named and do not count.
    """
    later = _new(hypothesis, state)
    about = [trial for trial in later if meets(trial.candidate, hypothesis.prediction.conditions)]
    passed: list[int] = []
    failed: list[int] = []
    unanswered: list[int] = []
    for trial in about:
        value = trial.values.get(hypothesis.prediction.property)
        if value is None:
            unanswered.append(trial.number)
        else:
            (passed if passes(hypothesis, value) else failed).append(trial.number)
    k, n = len(passed), len(passed) + len(failed)
    verdict = _verdict(k, n - k, len(later))
    return Judgement(
        hypothesis=hypothesis.id,
        verdict=verdict,
        statistic=_words(k, n - k, unanswered, verdict, len(later)),
        passed=tuple(passed),
        failed=tuple(failed),
    )


def passes(hypothesis: Hypothesis, value: float) -> bool:
    """Whether a value of the predicted property passes the bound."""
    prediction = hypothesis.prediction
    return Constraint(
        property=prediction.property, comparison=prediction.comparison, value=prediction.value, unit=prediction.unit
    ).holds(value)


def capital(wins: int, losses: int) -> float:
    """What a gambler owns who began with 1 and staked `STAKE` of it each time at even odds."""
    return float((1 + STAKE) ** wins * (1 - STAKE) ** losses)


def _new(hypothesis: Hypothesis, state: State) -> list[Trial]:
    """Finished trials proposed after the statement, of candidates that nobody had seen the result of by then."""
    tried = {t.candidate.id for number, t in state.trials.items() if number < hypothesis.since and not t.is_fault}
    new = []
    for number in sorted(n for n in state.trials if n >= hypothesis.since and n not in hypothesis.evidence):
        trial = state.trials[number]
        # What a person hands in may have been measured before the claim was made.
        if trial.is_finished and trial.batch > 0 and not trial.is_fault and trial.candidate.id not in tried:
            tried.add(trial.candidate.id)
            new.append(trial)
    return new


def _verdict(passed: int, failed: int, finished: int) -> Verdict:
    if capital(passed, failed) >= LEVEL:
        return "supported"
    if capital(failed, passed) >= LEVEL:
        return "refuted"
    return "inconclusive" if passed + failed >= ENOUGH or finished >= PATIENCE else "open"


def _words(passed: int, failed: int, unanswered: Sequence[int], verdict: Verdict, finished: int) -> str:
    count = passed + failed
    text = (
        f"{passed} of {count} trials passed; betting on a pass turns 1 into {capital(passed, failed):.3g}, "
        f"betting against it into {capital(failed, passed):.3g}; {LEVEL:g} decides, which chance alone reaches "
        f"in at most {100 / LEVEL:g} % of cases"
    )
    if verdict == "open":
        text += f"; undecided, up to {ENOUGH} may count"
    if verdict == "inconclusive" and count < ENOUGH:
        text += f"; given up after {finished} finished trials"
    if unanswered:
        text += f"; without an answer and not counted: {', '.join(f'#{number}' for number in unanswered)}"
    return text
