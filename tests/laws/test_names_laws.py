"""Hidden names: nothing of chemistry is left in what is read, and what is written comes back as it was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athanor.agent.llm.names import Names, names_for
from athanor.memory.records import Budget, Constraint, Goal, Objective
from athanor.tools.space import CrystalSpace, PoolSpace

GOAL = Goal(
    statement="a stiff oxide",
    objectives=(
        Objective(property="bulk_modulus", direction="maximise", unit="GPa"),
        Objective(property="density", direction="minimise", unit="g/cm3"),
    ),
    constraints=(Constraint(property="energy_above_hull", comparison="<=", value=0.1, unit="eV/atom"),),
    budget=Budget(evaluations=20),
)
SPACE = CrystalSpace(elements=("Fe", "O", "S", "In", "As", "C"))
NAMES = names_for(GOAL, SPACE, 0)
symbols = st.sampled_from(sorted(NAMES.elements))
formulas = st.lists(st.tuples(symbols, st.integers(0, 12)), min_size=1, max_size=4).map(
    lambda parts: "".join(f"{symbol}{amount or ''}" for symbol, amount in parts)
)
words = st.sampled_from(["candidate", "is stiff", "because", "#12", "h3", "1.25 ± 0.10", "bulk_modulus", "density"])


def formulas_in(text: str) -> list[str]:
    either = "|".join(sorted(NAMES.elements, key=len, reverse=True))
    return re.findall(rf"(?<!\w)(?:(?:{either})\d*)+(?![A-Za-z])", text)


@given(st.lists(st.one_of(formulas, words), min_size=1, max_size=8))
def test_no_symbol_no_property_and_no_unit_is_left_and_all_comes_back(parts: list[str]) -> None:
    text = "; ".join(parts) + "; 201.3 ± 2.1 GPa; 0.05 eV/atom; 4 g/cm3"
    hidden = NAMES.hide(text)
    assert not formulas_in(hidden)
    for name in ("bulk_modulus", "bulk modulus", "density", "energy above hull", "GPa", "eV/atom", "g/cm3"):
        assert name not in hidden
    assert NAMES.reveal(hidden) == text


@given(st.lists(symbols, unique=True, max_size=5), st.floats(-10, 10))
def test_arguments_of_a_tool_come_back(elements: list[str], value: float) -> None:
    meant = {"conditions": [{"feature": "elements", "value": elements}], "property": "bulk_modulus", "value": value}
    written = {
        "conditions": [{"feature": NAMES.hide("elements"), "value": [NAMES.elements[one] for one in elements]}],
        "property": NAMES.hide("bulk_modulus"),
        "value": value,
    }
    assert NAMES.reveal(written) == meant


@pytest.mark.parametrize("text", ["No trial has an answer yet.", "As it was, I waited.", "In time.", "Be it so"])
def test_english_words_are_not_taken_for_elements(text: str) -> None:
    assert NAMES.hide(text) == text


def test_free_text_of_others_is_left_out() -> None:
    lines = ["Goal: «a stiff oxide of iron»", "#3 Fe2O3: failed, unconverged («iron moved»)", "Memory, note: «iron»"]
    text = "\n".join(lines)
    hidden = NAMES.hide(text)
    assert "iron" not in hidden
    assert "oxide" not in hidden
    assert "#3 " in hidden
    assert "failed, unconverged" in hidden


@pytest.mark.parametrize("symbol", ["P4/mmm", "I4/mmm", "P1", "Fm-3m", "P6_3/mmc", "R-3c"])
def test_a_space_group_gives_no_element_away(symbol: str) -> None:
    hidden = NAMES.hide(f"#3 Fe2O3 {symbol} (123): density 4 g/cm3")
    assert " group (123)" in hidden
    assert NAMES.elements["P"] not in hidden
    assert NAMES.elements["I"] not in hidden


def test_words_of_people_and_origins_are_left_out() -> None:
    lines = [
        "Hint 1 by Ada: «try sulfides of indium» (half of the candidates with S)",
        "Taken back by Ada: #2 FeS: «iron is dull»",
        "made by generate/substitute: «Ti→Zr in perovskite»",
        "details: «known_as hematite»",
    ]
    hidden = NAMES.hide("\n".join(lines))
    for word in ("sulfide", "indium", "iron", "perovskite", "hematite"):
        assert word not in hidden
    assert f"with {NAMES.elements['S']}" in hidden


def test_labels_of_a_pool_tell_nothing_and_come_back(tmp_path: Path) -> None:
    file = tmp_path / "reactions.csv"
    file.write_text("base,ligand,yield\nKOH,XPhos,3\nCs2CO3,PPh3,4\n")
    space = PoolSpace(file=file, variables={"base": "1", "ligand": "1"})
    names = names_for(GOAL, space, 0)
    text = "candidate: base KOH, ligand XPhos; candidate: base Cs2CO3, ligand PPh3"
    hidden = names.hide(text)
    for word in ("base", "ligand", "KOH", "XPhos", "Cs2CO3", "PPh3"):
        assert word not in hidden
    assert names.reveal(hidden) == text
    assert len(set(re.findall(r"label_\d", hidden))) == 4


def test_a_seed_gives_the_same_names_and_another_others(tmp_path: Path) -> None:
    assert names_for(GOAL, SPACE, 0) == NAMES
    assert names_for(GOAL, SPACE, 1).elements != NAMES.elements
    (tmp_path / "p.csv").write_text("temperature,flow\n300,2\n")
    pool = PoolSpace(file=tmp_path / "p.csv", variables={"temperature": "K", "flow": "mL/min"})
    hidden = names_for(GOAL, pool, 0).hide("temperature=300, flow=2; features: temperature (K), flow (mL/min)")
    assert not re.search("temperature|flow|mL|K", hidden)


def test_the_names_are_a_bijection() -> None:
    for names in (NAMES.elements, NAMES.units):
        assert len(set(names.values())) == len(names)
    assert isinstance(NAMES, Names)
