"""Properties of crystals as a predictor gives them, for a chat model: with deviation, novelty, doubts and method.

Knows the bench and the predict tool. Must not know chat models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ...memory.foreign import clean
from ..labels import figure, percent, wording
from ..planners.reflect import number
from .submission import NAME, Asked
from .words import name_of

if TYPE_CHECKING:
    from ...memory.records import Crystal
    from ...models.prediction import Distribution, Predictor
    from ...tools.predict import Answers
    from .bench import Bench

MOST = 12


class PredictAsked(Asked):
    """Crystals to predict properties of."""

    of: list[Annotated[str, Field(max_length=NAME)]] = Field(
        min_length=1, max_length=MOST, description="Trials as #12, or candidates' ids."
    )


def predict_properties(asked: PredictAsked, bench: Bench) -> str:
    """What the predictor says of crystals, one line each; of a trial's crystal as it was relaxed, if it was."""
    from ...tools.predict import predict

    crystals = {name: bench.crystal(name) for name in asked.of}
    answers = predict(list(crystals.values()), _predictor(bench))
    lines = [f"{_label(bench, *named)}: {_line(answers, at)}" for at, named in enumerate(crystals.items())]
    return "\n".join([f"predicted by {answers.source}, neither simulated nor measured:", *lines])


def _predictor(bench: Bench) -> Predictor:
    if bench.predictor is not None:
        from ...tools.properties.predicted import predictor_of

        return predictor_of(bench.predictor)
    from ...tools.predictor import shipped_predictor

    return shipped_predictor()


def _label(bench: Bench, name: str, crystal: Crystal) -> str:
    candidate = bench.named(name)
    return f"{name} {name_of(candidate)}, as {'proposed' if candidate.content == crystal else 'relaxed'}"


def _line(answers: Answers, at: int) -> str:
    refusal = answers.refusals[at]
    if refusal is not None:
        return f"not predicted: {clean(refusal, 200)}"
    told = [_value(name, one, at, answers.units[name]) for name, one in answers.properties.items()]
    doubts = f"; doubts: {clean('; '.join(answers.flags[at]), 300)}" if answers.flags[at] else ""
    return f"{', '.join(told)}; novelty {figure(float(answers.novelty[at]))} (up to 1 is near what it learnt){doubts}"


def _value(name: str, said: Distribution, at: int, unit: str) -> str:
    value = number(float(said.mean[at]), float(said.deviation[at]), unit)
    zero = "" if said.zero_probability is None else f", {percent(float(said.zero_probability[at]))} likely a metal"
    return f"{wording(name)} {value} (predicted{zero})"
