"""The section of a report on the predictor: how far it and the oracle differ, and what its numbers do not say.

Knows where a campaign stands. Must not know networks: what they said stands in the trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...tools.properties.disagreement import Disagreement, correction, disagreements, root_mean_square_z
from ..labels import counted, figure, label_of, markdown, marked, spread, wording
from .report_table import table

if TYPE_CHECKING:
    from ..standing import Standing

_SPANS = 8
_WORST = 5
_FAR = 2.0


def predictor_against_oracle(standing: Standing) -> str:
    """Write the section; empty where no trial has both formation energies."""
    found = disagreements(standing.answered)
    if not found:
        return ""
    oracle = markdown(standing.oracle)
    spans = [_span(part) for part in np.array_split(np.arange(len(found)), min(_SPANS, -(-len(found) // 4)))]
    rows = [[f"{found[a].trial.number} to {found[b].trial.number}", *_figures(found[a : b + 1])] for a, b in spans]
    worst = sorted(found, key=lambda one: -abs(one.z))[:_WORST]
    parts = [
        "## Predictor against oracle",
        _overall(found, standing.oracle),
        _factor(found),
        table(["trials", "compared", *_HEADS], [*rows, ["all", *_figures(found)]]),
        f"### Largest disagreements\n\nIn stated deviations. Formation energies in eV/atom; {oracle}'s are simulated.",
        table(["trial", "material", oracle, "predictor", "difference", "in deviations", "flags"], map(_row, worst)),
    ]
    return "\n\n".join(parts)


def limits_of_predictions(standing: Standing) -> list[str]:
    """What predicted values do not say, a line each; none where no value is predicted."""
    if not standing.predicted:
        return []
    names = ", ".join(markdown(wording(name)) for name in sorted(standing.predicted))
    lines = [
        f"- Predicted, not simulated or measured: {names}. No electronic structure was computed here.",
        _SCALE,
    ]
    if "solar_efficiency_limit" in standing.predicted:
        lines.append(_LIMIT)
    return lines


_SCALE = (
    "- Predicted band gaps are on the scale of the training data. Those of the Materials Project are computed with "
    "PBE, which makes gaps systematically too small: expect true gaps to be larger."
)
_LIMIT = (
    "- The solar efficiency limit is that of Shockley and Queisser for the AM1.5G spectrum, averaged over what the gap "
    "may be as far as the predictor knows. Absorption, direct or indirect gap, defects and contacts are not in it."
)
_HEADS = ("mean absolute difference (eV/atom)", "mean difference", "beyond 2 deviations", "root mean square z")


def _figures(found: Sequence[Disagreement]) -> list[str]:
    differences = np.array([one.difference for one in found])
    return [
        str(len(found)),
        figure(float(np.abs(differences).mean())),
        figure(float(differences.mean())),
        f"{100 * _share_far(found):.0f} %",
        figure(root_mean_square_z(found) or 0.0),
    ]


def _overall(found: Sequence[Disagreement], oracle: str) -> str:
    said = found[-1].trial.outcome.details["predictor"] if found[-1].trial.outcome else {}
    name = markdown(str(said.get("name", "")) if isinstance(said, dict) else "", 100)
    mean = float(np.mean([abs(one.difference) for one in found]))
    flagged = sum(bool(one.flags) for one in found)
    return (
        f"Both speak of formation energies: {name} (predicted) and {markdown(oracle)} (simulated) differ by "
        f"{figure(mean)} eV/atom on average over {counted(len(found), 'relaxed crystal')}, {flagged} of them flagged "
        f"by the predictor. In {100 * _share_far(found):.0f} % of them they differ by more than two of the predictor's "
        f"deviations; 5 % would be calibrated, if the oracle made no error of its own."
    )


def _factor(found: Sequence[Disagreement]) -> str:
    learnt = correction(found)
    return (
        f"By these trials the predictor's deviations should be multiplied by "
        f"{figure(root_mean_square_z(found) or 0.0)}, the root mean square of z, the difference in deviations. What is "
        f"made next is sifted with its formation energies shifted by {figure(-learnt.shift)} eV/atom and their "
        f"deviations {figure(learnt.factor)} times as wide: both are drawn towards no change while trials are few. No "
        "oracle here checks band gaps, and nothing is learnt of them."
    )


def _share_far(found: Sequence[Disagreement]) -> float:
    return sum(abs(one.z) > _FAR for one in found) / len(found)


def _span(part: np.ndarray) -> tuple[int, int]:
    return int(part[0]), int(part[-1])


def _row(one: Disagreement) -> list[str]:
    return [
        str(one.trial.number),
        markdown(label_of(one.trial.candidate)),
        figure(one.simulated),
        marked(spread(one.said.mean, one.said.deviation), "predicted"),
        figure(one.difference),
        figure(one.z),
        markdown("; ".join(one.flags), 120) or "–",
    ]
