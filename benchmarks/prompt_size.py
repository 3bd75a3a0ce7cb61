"""How much a chat model reads for one batch, after 10, 100 and 1,000 trials.

usage: python benchmarks/prompt_size.py

Made-up trials with real briefings, for a space of crystals and a pool: characters of the briefing and of the
rules before it, of the tools' schemas, of what is told before a reflection, and the tokens of the whole step of the
scripted model that ranks and submits (a quarter of the characters; the schemas are not in them).
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool
from record import write_result

from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.llm import briefing as told
from athanor.agent.llm.bench import Bench
from athanor.agent.llm.planner import LlmPlanner
from athanor.agent.llm.tools import tools_for
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.supply import Supply
from athanor.memory.records import (
    Budget,
    Candidate,
    Condition,
    Constraint,
    Failure,
    Goal,
    Hypothesis,
    Judgement,
    Measurement,
    Objective,
    Outcome,
    Prediction,
)
from athanor.memory.state import State, Trial
from athanor.prompts.render import render
from athanor.tools.space import CrystalSpace, PoolSpace

TRIALS = (10, 100, 1000)
BATCH = 4
CRYSTALS = CrystalSpace(elements=("Mg", "Al", "Si", "Ti", "Fe", "O", "N", "S", "C", "B"), n_elements=(2, 3))
SOURCE = "7net-0, sevenn 0.13.0"


def goal(names: tuple[str, str, str]) -> Goal:
    """Two objectives and a constraint."""
    high, low, bounded = names
    return Goal(
        statement="stiff and light",
        objectives=(
            Objective(property=high, direction="maximise", unit="GPa"),
            Objective(property=low, direction="minimise", unit="g/cm3"),
        ),
        constraints=(Constraint(property=bounded, comparison="<=", value=0.1, unit="eV/atom"),),
        budget=Budget(evaluations=2000),
    )


def state(wanted: Goal, candidates: list[Candidate], n: int, feature: str) -> State:
    """A campaign of `n` trials: one in ten failed, a claim for each five batches, a reflection for each batch."""
    drawn = random.Random(0)
    trials = {}
    for number, candidate in enumerate(candidates[:n], start=1):
        batch = (number - 1) // BATCH + 1
        values = {
            wanted.objectives[0].property: drawn.uniform(20, 400),
            wanted.objectives[1].property: drawn.uniform(1, 12),
            wanted.constraints[0].property: drawn.uniform(-0.1, 1),
        }
        units = {o.property: o.unit for o in wanted.objectives} | {c.property: c.unit for c in wanted.constraints}
        outcome = (
            Outcome(failure=Failure(kind="unconverged", message="500 steps, largest force 0.3 eV/Å"))
            if number % 10 == 0
            else Outcome(
                measurements=tuple(
                    Measurement(
                        property=k, value=v, deviation=abs(v) / 50, unit=units[k], method="simulated", source=SOURCE
                    )
                    for k, v in values.items()
                )
            )
        )
        status: Any = "failed" if outcome.failure else "completed"
        trials[number] = Trial(number, batch, "sevennet", candidate, None, "acquisition rank 1", {}, status, outcome)
    batches = max(trial.batch for trial in trials.values())
    hypotheses, judgements = {}, {}
    for k in range(1, batches // 5 + 1):
        prediction = Prediction(
            conditions=(Condition(feature=feature, comparison=">=", value=float(k)),),
            property=wanted.objectives[0].property,
            comparison=">=",
            value=100.0 + k,
            unit="GPa",
        )
        text = f"Most candidates with {feature} of {k} or more reach {100 + k} GPa"
        hypotheses[f"h{k}"] = Hypothesis(
            id=f"h{k}", statement=text, rationale="It was so in the trials before.", prediction=prediction
        )
        judgements[f"h{k}"] = Judgement(
            hypothesis=f"h{k}", verdict="supported", statistic="7 of 8 trials passed; betting turns 1 into 12.4"
        )
    reflections = {
        b: f"Batch {b}: 4 of 4 trials completed. " + "The best so far is told here. " * 12 for b in range(1, batches)
    }
    return State(
        spec={"goal": wanted.model_dump(mode="json")},
        trials=trials,
        hypotheses=hypotheses,
        judgements=judgements,
        reflections=reflections,
        batches=batches,
        has_run=True,
    )


def measure(wanted: Goal, space: CrystalSpace | PoolSpace, known: State) -> dict[str, int]:
    """Characters and tokens of one step."""
    bench = Bench(wanted, space, known, BATCH, 0)
    text = told.briefing(wanted, space, known, BATCH, tuple(bench.features))
    schemas = [convert_to_openai_tool(tool) for tool in tools_for(bench, lambda batch: None)]
    sizes = {
        "rules_characters": len(render("plan")),
        "briefing_characters": len(text),
        "briefing_lines": text.count("\n") + 1,
        "schemas_characters": len(json.dumps(schemas)),
        "before_reflection_characters": len(told.account(wanted, known, known.batches)),
    }
    builtin = BuiltinPlanner(wanted, space, 0)
    planner = LlmPlanner(
        wanted, space, 0, builtin, ChatModelSettings(model="scripted"), ScriptedChatModel(script=obedient)
    )
    asked = [event for event in planner.propose(known, BATCH).events if event.kind == "chat_exchanged"]
    sizes["questions"] = len(asked)
    sizes["input_tokens_of_the_step"] = sum(event.input_tokens for event in asked)
    sizes["input_tokens_of_the_longest_question"] = max(event.input_tokens for event in asked)
    return sizes


def main() -> None:
    """Measure both kinds of space."""
    figures: dict[str, Any] = {
        "bounded_by": f"{told.BEST} best trials, {told.LATEST} latest, {told.JUDGED} judged hypotheses and the open "
        f"ones, {told.REFLECTIONS} reflections of 700 characters, {told.PASSAGES} notes of 300; pending trials by "
        f"number, 40 at most; {told.PEOPLE} lines of hints and trials taken back"
    }
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "pool.csv"
        rows = [f"{x},{y},{z}" for x in range(20) for y in range(10) for z in range(10)]
        table.write_text("\n".join(["temperature,flow,time", *rows]) + "\n", encoding="utf-8")
        pool = PoolSpace(file=table, variables={"temperature": "K", "flow": "mL/min", "time": "h"})
        stiff = goal(("bulk_modulus", "density", "energy_above_hull"))
        spaces: list[tuple[str, Goal, CrystalSpace | PoolSpace, str]] = [
            ("crystals", stiff, CRYSTALS, "density"),
            ("pool", stiff, pool, "temperature"),
        ]
        for name, wanted, space, feature in spaces:
            candidates = list(Supply(wanted, space, 0, max(TRIALS)).offer(State()).candidates)
            figures[name] = {
                str(n): measure(wanted, space, state(wanted, candidates, n, feature))
                for n in TRIALS
                if n <= len(candidates)
            }
    print(json.dumps(figures, indent=1))
    write_result("prompt_size", figures)


if __name__ == "__main__":
    main()
