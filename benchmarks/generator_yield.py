"""What the generators give: raw validity, losses at each screen, speed, variety, and how much of it is known.

usage: python benchmarks/generator_yield.py [--wish 500] [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from record import write_result

from athanor.memory.records import Candidate, Crystal
from athanor.tools.crystals.hull import known_phases
from athanor.tools.crystals.structure import to_structure
from athanor.tools.crystals.symmetry import symmetry_of
from athanor.tools.generators.duplicate import reduced_formula
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.space import CrystalSpace

SPACE = CrystalSpace(
    elements=(
        *("B", "C", "N", "O", "Na", "Mg", "Al", "Si", "P", "S"),
        *("Ca", "Ti", "V", "Cr", "Mn", "Fe", "Zn", "Zr", "Nb", "Mo"),
    ),
    n_elements=(2, 3),
    max_atoms=10,
)


def variety(candidates: list[Candidate]) -> dict[str, float | int]:
    """Distinct formulas and space groups, and the share that the table of known phases holds."""
    formulas, groups, known = set(), set(), 0
    for candidate in candidates:
        assert isinstance(candidate.content, Crystal)
        structure = to_structure(candidate.content)
        symmetry = symmetry_of(structure)
        formulas.add(reduced_formula(candidate.content))
        groups.add(symmetry.spacegroup)
        known += known_phases().known_as(structure.composition.formula, symmetry) is not None
    return {
        "candidates": len(candidates),
        "distinct_formulas": len(formulas),
        "distinct_space_groups": len(groups),
        "share_known": round(known / len(candidates), 4),
    }


def main() -> None:
    """Generate for several seeds, alone and together, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wish", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    start = time.process_time()
    first = generate(Wish(100, 0), generators_for(SPACE), SPACE)
    figures: dict[str, object] = {
        "space": SPACE.model_dump(mode="json"),
        "wish": options.wish,
        "seeds": options.seeds,
        "first_100_cpu_seconds_with_loading": round(time.process_time() - start, 2),
        "first_100_kept": len(first.candidates),
    }
    for source in generators_for(SPACE):
        rejected: Counter[str] = Counter()
        made, seconds, candidates = 0, 0.0, []
        for seed in range(options.seeds):
            start = time.process_time()
            result = generate(Wish(options.wish, seed), (source,), SPACE)
            seconds += time.process_time() - start
            made += sum(result.made.values())
            rejected.update(result.rejected)
            candidates.extend(result.candidates)
        figures[source.name] = {
            "raw": made,
            "raw_validity": round(1 - sum(n for fault, n in rejected.items() if fault != "duplicate") / made, 4),
            "rejected_share": {fault: round(n / made, 4) for fault, n in rejected.most_common()},
            "kept_per_cpu_second": round(len(candidates) / seconds, 1),
            **variety(candidates),
        }
    print(write_result("generator_yield", figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
