"""Sentences of a chat model with a label at each property value, and the tool results that it had read.

`{rounded:221}` is a number that honestly comes from the tool results, and how; `{!digit:212}` one that does not, and
what was done to it. Numbers without braces are no property values and must be left alone. Cases that share a number
are variations of each other and stay in the same half; the halves were drawn once, before anything was tuned.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from athanor.agent.llm.known_values import Known, knowns_from_text

SENTENCES: tuple[tuple[int, str, str, str], ...] = tuple(
    json.loads(line) for line in Path(__file__).with_name("provenance_sentences.jsonl").read_text("utf-8").splitlines()
)
"""Number, scenario, style, text with labels."""
SEED = 20261123
LABEL = re.compile(r"\{(!?)([a-z]+):([^}]*)\}")

TOOL_RESULTS: dict[str, tuple[tuple[str, str], ...]] = {
    "stiff": (
        (
            "briefing",
            (
                "Goal: «A stiff, light, stable compound without rare or toxic elements»\n"
                "Objective: bulk modulus (GPa) as high as possible, in GPa (bulk_modulus)\n"
                "Constraint: energy above hull <= 0.1000 eV/atom (energy_above_hull)\n"
                "Space: crystals of 2 to 3 elements among B, C, N, Ti, V, Zr, Mo; at most 10 atoms "
                "in the primitive cell.\n"
                "Budget: 31 of 72 evaluations are left.\n"
                "Best of 6 completed trials:\n"
                "  #9 TiC Fm-3m (225): bulk modulus 243.7 ± 2.2 GPa (simulated), density 4.91 g/cm3 (simulated), "
                "energy above hull 0.0000 eV/atom (simulated)\n"
                "  #12 ZrC Fm-3m (225): bulk modulus 221.4 ± 3.1 GPa (simulated), density 6.59 g/cm3 (simulated), "
                "energy above hull 0.0123 eV/atom (simulated)\n"
                "  #17 VN P-6m2 (187): bulk modulus 318.6 ± 4.0 GPa (simulated), density 6.02 g/cm3 (simulated), "
                "energy above hull 0.0876 eV/atom (simulated)\n"
                "  #21 Mo2C Pbcn (60): bulk modulus 301.2 ± 5.7 GPa (simulated), density 9.04 g/cm3 (simulated), "
                "energy above hull 0.0312 eV/atom (simulated)\n"
                "  #25 TiB2 P6/mmm (191): bulk modulus 254.9 ± 1.8 GPa (simulated), density 4.52 g/cm3 (simulated), "
                "energy above hull 0.0000 eV/atom (simulated)\n"
                "  #28 AlN P6_3mc (186): bulk modulus 194.3 ± 2.6 GPa (simulated), density 3.24 g/cm3 (simulated), "
                "energy above hull 0.0000 eV/atom (simulated)\n"
                "Failures: overlap 2, unconverged 1\n"
                "The surrogate's latest predictions had R² 0.83 (1 is perfect, 0 is what a mean would do).\n"
                "h3 (open; 5 of 7 trials passed; betting on a pass turns 1 into 3.77, betting against it into 0.105; "
                "10 decides): Most compounds with volume per atom of at most 9.5 Å³/atom have bulk modulus of at least "
                "250 GPa."
            ),
        ),
        (
            "look_at_trial",
            (
                "#12 ZrC Fm-3m (225): bulk modulus 221.4 ± 3.1 GPa (simulated), density 6.59 g/cm3 (simulated)\n"
                "proposed in batch 3 because «heavier cousin of TiC»\ntests h2\n"
                "the surrogate had expected: bulk modulus 213.2 ± 7.5, density 6.41 ± 0.12\n"
                "details: «steps 14, fit 0.0021, lattice parameter 4.712 Å»\n"
                "b1c2d3e4f5a60718 ZrC Fm-3m (225)\n"
                "features as proposed: volume_per_atom 12.96; density 6.61; n_elements 2; mean_electronegativity 1.94"
            ),
        ),
        (
            "rank_candidates",
            (
                "3 of 240 offered candidates, best first:\n"
                "3fa94c01d2e7b855 WN P-6m2 (187); predicted: bulk modulus 352 ± 18 GPa; density 16.1 ± 0.3 g/cm3; "
                "keeps the constraints: 64 %\n"
                "77aa01b2c3d4e5f6 MoN P-6m2 (187); predicted: bulk modulus 334 ± 12 GPa; density 9.18 ± 0.20 g/cm3; "
                "keeps the constraints: 71 %\n"
                "0c0ffee1deadbeef HfC Fm-3m (225); predicted: bulk modulus 232 ± 6 GPa; density 12.4 ± 0.2 g/cm3; "
                "keeps the constraints: 93 %"
            ),
        ),
    ),
    "solar": (
        (
            "briefing",
            (
                "Goal: «A stable solar absorber without toxic elements»\n"
                "Constraint: band gap >= 1.090 eV (band_gap)\nConstraint: band gap <= 1.590 eV (band_gap)\n"
                "Budget: 112 of 160 evaluations are left.\n"
                "Best of 5 completed trials:\n"
                "  #31 Cu2ZnSnS4 I-4 (82): solar efficiency limit 31.8 % (predicted), band gap 1.31 "
                "± 0.28 eV (predicted), "
                "energy above hull 0.0235 eV/atom (simulated)\n"
                "  #34 ZnSiP2 I-42d (122): solar efficiency limit 27.4 % (predicted), band gap 1.54 "
                "± 0.22 eV (predicted), "
                "energy above hull 0.0049 eV/atom (simulated)\n"
                "  #40 NaBiS2 R-3m (166): solar efficiency limit 33.1 % (predicted), band gap 1.22 "
                "± 0.35 eV (predicted), "
                "energy above hull 0.0672 eV/atom (simulated)\n"
                "  #44 CuInS2 I-42d (122): solar efficiency limit 19.6 % (predicted), band gap 0.87 "
                "± 0.19 eV (predicted), "
                "energy above hull -0.0142 eV/atom (simulated)\n"
                "  #47 BaZrS3 Pnma (62): solar efficiency limit 24.9 % (predicted), band gap 1.71 ± "
                "0.24 eV (predicted), "
                "energy above hull 0.0118 eV/atom (simulated)\n"
                "Memory, learned of campaign «oxides»: «9 of 36 nitrides passed; 27 of 60 sulfides passed»"
            ),
        ),
        (
            "predict",
            (
                "BaZrS3: formation energy -1.732 ± 0.041 eV/atom (predicted); metal probability 0.03 (predicted); "
                "bulk modulus 68.2 ± 4.4 GPa (predicted)\n"
                "Ba0.5Sr0.5ZrS3: formation energy -1.698 ± 0.052 eV/atom (predicted); band gap 1.78 "
                "± 0.26 eV (predicted); "
                "metal probability 0.06 (predicted)"
            ),
        ),
    ),
    "lab": (
        (
            "briefing",
            (
                "Goal: «Hard coating that can be sputtered below 500 °C»\nBudget: 6 of 24 evaluations are left.\n"
                "Best of 4 completed trials:\n"
                "  #3 temperature=420, pressure=0.6: hardness 28.4 ± 0.9 GPa (measured), "
                "resistivity 145 µΩ·cm (measured)\n"
                "  #7 temperature=380, pressure=0.4: hardness 31.7 ± 1.1 GPa (measured), "
                "resistivity 212 µΩ·cm (measured)\n"
                "  #8 temperature=450, pressure=0.4: hardness 33.9 ± 1.3 GPa (measured), "
                "resistivity 188 µΩ·cm (measured)\n"
                "  #11 temperature=300, pressure=0.8: hardness 22.5 ± 0.7 GPa (measured), "
                "resistivity 96 µΩ·cm (measured)\n"
                "Batch 2: 3 of 4 trials completed; failed: timeout 1."
            ),
        ),
        (
            "note",
            (
                "Film thickness 1.20 µm by profilometry; substrate temperature was 693 K for #3 and 723 K for #8. "
                "The target is Ti0.5Al0.5N, 99.9 % pure."
            ),
        ),
        ("surrogate", '{"trial": 8, "hardness": {"mean": 32.6, "deviation": 1.9, "unit": "GPa"}}'),
    ),
}
Half = Literal["development", "held out"]


@dataclass(frozen=True)
class Labelled:
    """A number of a sentence: where it stands, whether it is invented, and in which way it came about."""

    start: int
    end: int
    is_invented: bool
    kind: str


@dataclass(frozen=True)
class Case:
    """A sentence with its labels."""

    group: int
    scenario: str
    style: str
    text: str
    labels: tuple[Labelled, ...]


def cases(half: Half) -> tuple[Case, ...]:
    """The sentences of one half; whole groups were drawn."""
    groups = sorted({group for group, *_ in SENTENCES})
    random.Random(SEED).shuffle(groups)
    first = set(groups[: len(groups) // 2])
    return tuple(_case(*one) for one in SENTENCES if (one[0] in first) == (half == "development"))


def knowns_of(scenario: str) -> tuple[Known, ...]:
    """All that the tools said in a scenario."""
    return tuple(known for source, text in TOOL_RESULTS[scenario] for known in knowns_from_text(text, source))


def _case(group: int, scenario: str, style: str, labelled: str) -> Case:
    text, labels, after = "", [], 0
    for match in LABEL.finditer(labelled):
        text += labelled[after : match.start()]
        labels.append(Labelled(len(text), len(text) + len(match[3]), bool(match[1]), match[2]))
        text += match[3]
        after = match.end()
    return Case(group, scenario, style, text + labelled[after:], tuple(labels))
