"""Invented property values are found, honest ones pass, and what is no property value is left alone."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from provenance_cases import SENTENCES, TOOL_RESULTS, cases, knowns_of

from athanor.agent.llm.known_values import Known, knowns_from_text
from athanor.agent.llm.numbers_in_text import numbers_in
from athanor.agent.llm.provenance import MARK, WITHHELD, check, marked, withheld

KNOWN = (
    Known(221.4, "GPa", "bulk_modulus", "trial 12, simulated by chgnet"),
    Known(213.2, "GPa", "bulk_modulus", "trial 12, predicted by the surrogate"),
    Known(0.2235, "eV", "band_gap", "trial 12, predicted by a network"),
    Known(6.59, "g/cm3", "density", "trial 12, simulated by chgnet"),
    Known(243.7, "GPa", "bulk_modulus", "trial 9, simulated by chgnet"),
    Known(0.1, "eV/atom", "energy_above_hull", "goal"),
)
UNITS = ("GPa", "eV", "eV/atom", "meV", "g/cm3", "Å", "Å3", "K", "%", "µΩ·cm")
values = st.decimals(-9999, 9999, places=3).map(lambda number: f"{number.normalize():f}")
words = st.sampled_from(
    re.findall(
        r"\S+|\n",
        "ZrC (#12) reached about the band gap bulk modulus of is density ± to , . ; : #9 trial 12 TiO2 h3 than 3 of 5 "
        "% predicted simulated measured (predicted) more less mean 1.5 220 1e3 - GPa eV K Fm-3m (225) [no source] \n",
    )
)
prose = st.lists(st.one_of(words, values, st.sampled_from(UNITS)), max_size=30).map(" ".join)


def told(text: str) -> list[tuple[float, str, str]]:
    return [(one.value, one.dimension, one.property) for one in numbers_in(text) if one.is_value]


def verdicts(text: str) -> list[str]:
    return [one.verdict for one in check(text, KNOWN).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("221.4 ± 3.1 GPa", [(221.4, "pressure", ""), (3.1, "pressure", "standard deviation")]),
        ("221.4 GPa +/- 3", [(221.4, "pressure", ""), (3, "pressure", "standard deviation")]),
        ("gaps of 1.2 to 1.5 eV", [(1.2, "energy", "band gap"), (1.5, "energy", "band gap")]),
        ("1.2–1.5 eV", [(1.2, "energy", ""), (1.5, "energy", "")]),
        ("1.2-1.5 eV", [(1.2, "energy", ""), (1.5, "energy", "")]),
        ("between 198, 213 and 221 GPa", [(198, "pressure", ""), (213, "pressure", ""), (221, "pressure", "")]),
        ("1,250 K and 12,500.5 K", [(1250, "temperature", ""), (12500.5, "temperature", "")]),
        ("1.2e3 K", [(1200, "temperature", "")]),
        ("2.21 x10^2 GPa", [(221, "pressure", "")]),
        ("2.21 × 10² GPa", [(221, "pressure", "")]),
        (r"$2.21 \times 10^{2}$ GPa", [(221, "pressure", "")]),
        ("−3.2 eV/atom", [(-3.2, "energy/atom", "")]),
        ("２２１ GPa", [(221, "pressure", "")]),
        ("٢٢١ GPa", [(221, "pressure", "")]),
        ("reached221.4GPa", [(221.4, "pressure", "")]),
        ("**221** GPa", [(221, "pressure", "")]),
        ("a 1.4-eV gap", [(1.4, "energy", "band gap")]),
        ("bulk modulus of 221", [(221, "", "bulk modulus")]),
        ("gap: 1.4", [(1.4, "", "band gap")]),
        ("about 20 % pass", [(20, "share", "")]),
        ("12 meV/atom above the hull", [(12, "energy/atom", "energy above hull")]),
        ("0.012 eV above the hull", [(0.012, "energy/atom", "energy above hull")]),
        ("1.5 times as stiff", [(1.5, "ratio", "")]),
        ("5 GPa/K", [(5, "GPa/K", "")]),
        ("twenty GPa", []),
        ("tried 3 times", []),
        ("TiO2, TiO₂, Ba0.5Sr0.5TiO3 and Mo2C", []),
        ("#12, trial 12, trials 3, 4 and 7, h3, batch 2, candidate 3fa94c01d2e7b855", []),
        ("space group 225, Fm-3m (225), (Pnma, 62), P6_3mc, mp-2305", []),
        ("three of 5 trials, 4 carbides, 3 K atoms, bulk modulus of 3 carbides", []),
        ("2026-11-23 12:30, doi:10.1103/PhysRevB.50.17953, https://a.org/1.5/2 and version 1.4.7", []),
        ("Fig. 3, Table 1, Section 2.1, Eq. (3), [4]", []),
        ("5 min 12 s, 1,250 tokens, 0.5 USD, 2 h", []),
    ],
)
def test_reads_what_claims_a_value_and_nothing_else(text: str, expected: list[tuple[float, str, str]]) -> None:
    assert told(text) == expected


def test_a_number_says_where_it_stands() -> None:
    text = "the modulus, ～２２１ GPa, is −3.50e2 meV"
    assert [text[one.start : one.end] for one in numbers_in(text)] == ["２２１", "−3.50e2"]
    assert [text[one.end : one.after] for one in numbers_in(text)] == [" GPa", " meV"]
    assert [one.place for one in numbers_in(text)] == [1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("221.4 GPa", "sourced"),
        ("221 GPa", "sourced"),
        ("222 GPa", "unsourced"),
        ("about 220 GPa", "sourced"),
        ("about 230 GPa", "unsourced"),
        ("221.43 GPa", "unsourced"),  # more digits than the tool told
        ("0.22 eV", "sourced"),
        ("224 meV", "sourced"),
        ("0.2214 TPa", "sourced"),
        ("221 eV", "unsourced"),
        ("a band gap of 6.59 eV", "unsourced"),
        ("a bulk modulus of 6.59 g/cm3", "sourced"),  # the unit says what it is
        ("above 220 GPa", "sourced"),
        ("above 300 GPa", "unsourced"),
        ("ZrC (#12) reached 221 GPa", "sourced"),
        ("#9 reached 221 GPa", "unsourced"),
        ("#12 reached 213 GPa", "unsourced"),
        ("#12 was predicted at 213 GPa", "sourced"),
        ("#12 was measured at 221 GPa", "unsourced"),
        ("#12 was simulated at 221 GPa", "sourced"),
        ("#12 is 8 GPa above the prediction", "derived"),
        ("#12 is 12 GPa above the prediction", "unsourced"),
        ("#12 reached 8 GPa", "unsourced"),
        ("#9 is 1.10 times as stiff as #12", "derived"),
        ("#9 is 10 % stiffer than #12", "derived"),
        ("#9 is 20 % stiffer than #12", "unsourced"),
        ("the mean of #9 and #12, both simulated, is 232.6 GPa", "derived"),
        ("the mean of #9 and #12 is 240.0 GPa", "unsourced"),
    ],
)
def test_says_where_a_value_comes_from(text: str, expected: str) -> None:
    assert verdicts(text) == [expected]


def test_marks_and_withholds() -> None:
    text = "ZrC (#12) reached 221 GPa, not 187 ± 3 GPa."
    assert marked(text, KNOWN) == "ZrC (#12) reached 221 GPa, not 187 [no source] ± 3 GPa [no source]."
    assert withheld(text, KNOWN) == f"ZrC (#12) reached 221 GPa, not {WITHHELD} ± {WITHHELD} GPa."


def test_a_mark_goes_when_its_number_gets_a_source() -> None:
    assert marked("187 GPa [no source]", [Known(187.0, "GPa")]) == "187 GPa"


def test_counts_of_a_tool_make_shares() -> None:
    known = knowns_from_text("9 of 36 nitrides passed", "recall")
    assert not check("a quarter, 25 %, passed and 75 % failed", known).unsourced
    assert check("35 % passed", known).unsourced


def test_a_tool_result_knows_trial_property_and_method() -> None:
    found = knowns_from_text("  #9 TiC: bulk modulus 243.7 ± 2.2 GPa (simulated)\n  #12 ZrC: density 6.59", "briefing")
    assert [(one.value, one.unit, one.property, one.method) for one in found] == [
        (243.7, "GPa", "bulk modulus", "simulated"),
        (2.2, "GPa", "standard deviation", "simulated"),
        (6.59, "", "density", ""),
    ]
    assert "#9" in found[0].names
    assert "#12" in found[2].names


@given(prose)
def test_marking_twice_adds_nothing(text: str) -> None:
    once = marked(text, KNOWN)
    assert marked(once, KNOWN) == once
    assert once.replace(MARK, "") == text.replace(MARK, "")


@given(prose)
def test_withholding_twice_adds_nothing_and_leaves_no_invented_number(text: str) -> None:
    once = withheld(text, KNOWN)
    assert withheld(once, KNOWN) == once
    assert not check(once, KNOWN).unsourced


@given(st.text(st.characters(exclude_categories=["Nd", "Cs"])))
def test_a_text_without_numbers_is_unchanged(text: str) -> None:
    assume(MARK not in text)
    assert marked(text, KNOWN) == text
    assert withheld(text, KNOWN) == text


@given(prose)
def test_what_stands_in_a_tool_result_is_sourced_when_repeated(text: str) -> None:
    assert not check(text, knowns_from_text(text, "tool")).unsourced


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = numbers_in(text)
    assert all(0 <= one.start < one.end <= one.after <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@given(st.floats(0.5, 999), st.sampled_from(UNITS), st.integers(0, 3))
def test_a_scaled_number_has_no_source(value: float, unit: str, decimals: int) -> None:
    wrong = f"{1.37 * value:.{decimals}f}"
    known = [Known(value, unit, source="a tool")]
    assume(abs(float(wrong) - value) > 10.0**-decimals and not (wrong.endswith("0") and decimals == 0))
    assert check(f"It has {value:.{decimals}f} {unit}.", known).unsourced == ()
    assert len(check(f"It has {wrong} {unit}.", known).unsourced) == 1


@pytest.mark.parametrize("scenario", TOOL_RESULTS)
def test_every_tool_result_may_be_repeated(scenario: str) -> None:
    for _, text in TOOL_RESULTS[scenario]:
        assert [text[one.number.start :][:12] for one in check(text, knowns_of(scenario)).unsourced] == []


def test_most_invented_numbers_are_blocked_and_few_true_ones() -> None:
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for case in cases("development"):
        found = {one.number.start for one in check(case.text, knowns_of(case.scenario)).unsourced}
        for label in case.labels:
            hits[label.is_invented].append(any(label.start - 1 <= start < label.end for start in found))
    assert sum(hits[True]) / len(hits[True]) >= 0.95
    assert sum(hits[False]) / len(hits[False]) <= 0.05


def test_the_sentences_are_many_and_of_all_kinds() -> None:
    texts = [text for *_, text in SENTENCES]
    assert len(set(texts)) == len(texts) >= 120
    invented, true = (sum(len(re.findall(kind, text)) for text in texts) for kind in (r"\{!", r"\{\w"))
    assert 0.8 < invented / true < 1.25
    assert len({*cases("development"), *cases("held out")}) == len(texts)


def test_ten_kilobytes_are_checked_quickly() -> None:
    text = "\n".join(case.text for case in cases("development"))
    text = (text * 3)[:10_000]
    known = [Known(100 + k / 7, "GPa", "bulk_modulus", f"trial {k}, simulated") for k in range(1_000)]
    check(text, known)
    taken = []
    for _ in range(5):
        start = time.process_time()
        check(text, known)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.2  # 0.05 is aimed at (benchmarks/provenance.py); this machine may be busy
