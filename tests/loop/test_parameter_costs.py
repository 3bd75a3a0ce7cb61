"""What an evaluation costs and how truly it answers: what a space may say of it, and what it may not."""

from __future__ import annotations

import pytest
from made_up_alloy import SPACE, content
from pydantic import ValidationError

from athanor.agent.campaign_file import parse_campaign
from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Measurement, Outcome, Point, Provenance
from athanor.memory.state import Trial
from athanor.tools.acquisition import merit
from athanor.tools.parameters.encode import columns, decode, encode
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.sample import sample

VARIABLES: list[dict[str, object]] = [
    {"kind": "continuous", "name": "heat", "unit": "K", "low": 300, "high": 800},
    {"kind": "categorical", "name": "solvent", "unit": "1", "labels": ["water", "DMF"]},
]
LEVELS: dict[str, object] = {
    "kind": "fidelity",
    "name": "method",
    "unit": "1",
    "labels": ["force field", "DFT", "furnace"],
    "costs": [1, 5, 40],
}
PRICE: dict[str, object] = {"unit": "EUR", "base": 2, "terms": {"heat": 0.01}, "labels": {"solvent": {"DMF": 7}}}


def space(**more: object) -> ParameterSpace:
    return ParameterSpace.model_validate({"variables": [*VARIABLES, LEVELS]} | more)


def test_a_cost_is_the_sum_of_what_the_space_says() -> None:
    values = {"heat": 500.0, "solvent": "DMF", "method": "DFT"}
    assert space(cost=PRICE).cost_of(values) == pytest.approx(2 + 5 + 7 + 5)
    assert space().cost_of(values) == 5
    assert ParameterSpace.model_validate({"variables": VARIABLES}).cost_of(values) == 1


def test_only_the_last_level_is_meant_and_levels_are_steps_of_the_row() -> None:
    known = space()
    drawn = sample(known, 12, 0)
    assert {p.values["method"] for p in drawn} == set(known.fidelity.labels if known.fidelity else ())
    assert [known.is_meant(p.values) for p in drawn] == [p.values["method"] == "furnace" for p in drawn]
    assert [c.name for c in columns(known)][-2:] == ["method from DFT", "method from furnace"]
    point = Point(values={"heat": 300.0, "solvent": "water", "method": "DFT"})
    assert encode(known, [point])[0, -2:].tolist() == [1.0, 0.0]
    assert [v["method"] for v in decode(known, encode(known, drawn))] == [p.values["method"] for p in drawn]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cost": PRICE | {"terms": {"flow": 1}}}, "flow is no numeric variable"),
        ({"cost": PRICE | {"labels": {"heat": {"hot": 1}}}}, "heat is no categorical variable"),
        ({"cost": PRICE | {"labels": {"solvent": {"oil": 1}}}}, "solvent is never oil"),
        ({"cost": PRICE | {"terms": {"heat": -0.01}}}, "as low as -5 EUR"),
        ({"variables": [*VARIABLES, LEVELS, LEVELS | {"name": "other"}]}, "one is allowed"),
        ({"variables": [LEVELS | {"costs": [1, 5]}]}, "as many costs"),
        ({"variables": [LEVELS | {"costs": [1, 5, 5]}]}, "must rise"),
        ({"variables": [*VARIABLES, LEVELS | {"when": {"variable": "solvent", "is": ["DMF"]}}]}, "nor a condition"),
    ],
)
def test_what_cannot_be_is_refused_in_words(more: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        space(**more)
    assert said in str(caught.value)


def test_a_budget_of_cost_needs_a_space_that_states_costs() -> None:
    goal = content()["goal"] | {"budget": {"evaluations": 8, "cost": 100}}
    levelled = SPACE | {"variables": [*SPACE["variables"], LEVELS]}
    assert parse_campaign(content(goal=goal, space=levelled), "alloy.yaml").goal.budget.cost == 100
    assert parse_campaign(content(goal=goal, space=SPACE | {"cost": {"unit": "h", "base": 2}}), "alloy.yaml")
    with pytest.raises(UserError, match=r"goal\.budget\.cost is allowed where the space states what evaluations cost"):
        parse_campaign(content(goal=goal), "alloy.yaml")


def test_a_campaign_counts_only_results_of_the_highest_level() -> None:
    variables = [*SPACE["variables"], LEVELS]
    file = parse_campaign(content(space={**SPACE, "variables": variables}), "alloy.yaml")
    assert file.goal.counts_at == {"method": "furnace"}
    again = parse_campaign(file.model_dump(mode="json"), "alloy.yaml")
    assert again == file
    measured = (
        Measurement(property="hardness", value=900.0, unit="HV", method="measured", source="test"),
        Measurement(property="cost", value=1.0, unit="EUR/kg", method="measured", source="test"),
    )
    cheap, true = (
        Trial(
            n,
            1,
            "lab",
            Candidate(content=Point(values={"method": level}), provenance=Provenance(tool="test")),
            None,
            "",
            {},
            "completed",
            Outcome(measurements=measured),
        )
        for n, level in enumerate(("DFT", "furnace"), start=1)
    )
    assert merit.feasible(file.goal, [cheap, true]) == (true,)
    assert merit.best_so_far(file.goal, [cheap, true]) == ((1, None), (2, 900.0))
    assert merit.reference_point(file.goal, [cheap]) is None
    wrong = file.model_dump(mode="json")
    wrong["goal"]["counts_at"] = {"method": "DFT"}
    with pytest.raises(UserError, match=r"goal\.counts_at is set by"):
        parse_campaign(wrong, "alloy.yaml")
