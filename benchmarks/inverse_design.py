"""Inverse design with the shipped latent model: crystals with a property against sampling and substitution, and speed.

usage: python benchmarks/inverse_design.py --data FOLDER

- Targets: share of evaluated crystals within tolerance, each method with the same number of evaluations, failures of
  its own screens not counted as evaluations but told. `model_alone` is the latent model with nothing but its own heads
  to choose by, and is scored by the whole predictor. `target` is what `athanor generate --target` delivers, `optimise`
  what `athanor generate --optimise` delivers, each with two of the predictor's four networks as the judge within;
  `optimise_judged` is all that the latter judged on its way, hits and misses. These are scored by the two other
  networks, which had the same training data, and by CHGNet. CHGNet judges crystals as they were generated, unrelaxed;
  the predictor has learnt from relaxed ones, and says what they would have.
- Success rates: share of 100 optimisations, each begun at another held-out crystal, whose best of 10 decoded crystals
  lies below a quantile of the training data's formation energy (protocol: Xie et al., ICLR 2022,
  arXiv:2110.06197); beside them that of 10 samples of the prior, and of one.
- Speed: `athanor generate -n 1000` from start to end.

Targets, seed and sizes are set before anything is looked at.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mp20
import numpy as np
import pandas as pd
from inverse_judges import CHGNET, OTHER_HALF, WHOLE, Judged, halves, judged, ratio
from numpy.typing import NDArray
from pymatgen.core import Composition, Structure
from record import write_result

from athanor.memory.errors import AthanorError
from athanor.memory.records import Candidate, Provenance
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.wyckoff_crystal import WyckoffCrystal
from athanor.tools.crystals.structure import to_crystal, to_structure
from athanor.tools.crystals.wyckoff import to_wyckoff
from athanor.tools.evaluation.known_crystals import KnownCrystals
from athanor.tools.evaluation.rates import wilson
from athanor.tools.evaluation.substitution import SubstitutionSource
from athanor.tools.generators.duplicate import Seen
from athanor.tools.inverse.aims import parse_aim
from athanor.tools.inverse.generated import Made
from athanor.tools.inverse.judges import Judge, predictor_judge
from athanor.tools.inverse.known import known
from athanor.tools.inverse.optimise import optimise
from athanor.tools.inverse.sample import sample
from athanor.tools.latent_model import shipped_latent_model
from athanor.tools.oracles.guards import check_geometry

TARGETS = ("band_gap=1.4±0.2", "band_gap=3.0±0.3", "formation_energy=-2.5±0.15")
LABELS = {"band_gap": "band_gap", "formation_energy": "formation_energy_per_atom"}
N, BASE, SEED, PROCESSES = 100, 300, 0, 2
TRIES, SEARCH_TRIES = 50, 10
"""Latent points decoded for each crystal wanted, at most: by a sample, and by a search."""
PARENTS = 600
RUNS, BEST_OF, QUANTILES = 100, 10, (0.05, 0.10, 0.15)
SPEED = 1000
ANYTHING = DecodingWish()
ALONE, TARGET, OPTIMISE, OPTIMISE_JUDGED = "model_alone", "target", "optimise", "optimise_judged"
INSIDE = (TARGET, OPTIMISE, OPTIMISE_JUDGED)
"""Methods within which half of the predictor judges."""


def evaluated(made: Sequence[Made], tried: int, valid: int, faults: Mapping[str, int]) -> Judged:
    """Judge decoded crystals."""
    return judged([to_structure(one.cell) for one in made], tried, valid, faults)


def prior(n: int, seed: int) -> Judged:
    """Sample with no wish at all."""
    found = sample(shipped_latent_model(), ANYTHING, (), n, seed)
    return evaluated(found.made, found.tried, found.valid, found.faults)


def model_alone(target: str, n: int, seed: int) -> Judged:
    """Sample with a target; the latent model's own expectation decides what is delivered."""
    return sampled(target, n, seed, None)


def with_target(target: str, n: int, seed: int) -> Judged:
    """Sample with a target; half of the predictor decides what is delivered."""
    return sampled(target, n, seed, predictor_judge(halves()[0]))


def sampled(target: str, n: int, seed: int, judge: Judge | None) -> Judged:
    """Sample with a target, by a judge or without."""
    model = shipped_latent_model()
    found = sample(model, ANYTHING, [parse_aim(target, model.targets)], n, seed, TRIES, judge=judge)
    return evaluated(found.made, found.tried, found.valid, found.faults)


def search(target: str, n: int, seed: int) -> tuple[Judged, Judged]:
    """Search with half of the predictor as judge: what was evaluated first, and what was delivered."""
    model = shipped_latent_model()
    aims = [parse_aim(target, model.targets)]
    found = optimise(model, predictor_judge(halves()[0]), ANYTHING, aims, n, seed, SEARCH_TRIES)
    told = found.tried, found.valid, found.faults
    return evaluated(found.judged[:n], *told), evaluated(found.made, *told)


def substitution(parents: Sequence[WyckoffCrystal], n: int, seed: int) -> Judged:
    """Likely elements in training crystals, through the same screens as decoded ones."""
    source = SubstitutionSource(KnownCrystals(tuple(parents)))
    seen, kept, faults, tried = Seen(), list[Structure](), Counter[str](), 0
    while len(kept) < n and tried < TRIES * n:
        for structure in source.sample(n, seed + tried):
            tried += 1
            fault = "no_crystal" if structure is None else _fault(structure)
            if structure is None or fault:
                faults[fault] += 1
                continue
            candidate = Candidate(content=to_crystal(structure), provenance=Provenance(tool="benchmark"))
            if seen.holds(candidate):
                faults["duplicate"] += 1
                continue
            seen.add(candidate)
            kept.append(structure)
    return judged(kept[:n], tried, tried - faults.total() + faults["duplicate"], faults)


def _fault(structure: Structure) -> str:
    failure = check_geometry(structure)
    return failure.kind if failure is not None else ""


def optimised(starts: Sequence[WyckoffCrystal], seed: int) -> list[Judged]:
    """From each crystal, look for the lowest formation energy; the model's own expectation leads."""
    model = shipped_latent_model()
    aims = [parse_aim("formation_energy=lowest", model.targets)]
    found = []
    for number, start in enumerate(starts):
        outcome = optimise(
            model, Judge("the model itself", lambda structures: {}), ANYTHING, aims, BEST_OF, seed + number, tries=1,
            around=known(f"start {number}", start, model),
        )  # fmt: skip
        found.append(evaluated(outcome.judged, outcome.tried, outcome.valid, outcome.faults))
    return found


def speed(n: int) -> dict[str, float | int]:
    """Seconds of the command that makes n crystals, with its start and all files written."""
    command = [str(Path(sys.executable).with_name("athanor")), "generate", "-n", str(n), "--json"]
    with tempfile.TemporaryDirectory() as folder:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run([*command, "--out", folder], check=True, capture_output=True, text=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        document = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"crystals": len(document["crystals"]), "wall_seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}


def crystals(rows: pd.DataFrame) -> list[WyckoffCrystal]:
    """Rows by their Wyckoff positions; those that have no symmetry are left out."""
    found = []
    for structure in mp20.structures(rows):
        try:
            found.append(to_wyckoff(structure))
        except (AthanorError, ValueError):
            continue
    return found


def starts(rows: pd.DataFrame, n: int, seed: int) -> list[WyckoffCrystal]:
    """Held-out crystals at random that the model can know."""
    model = shipped_latent_model()
    some = [one for one in crystals(rows.sample(2 * n, random_state=seed)) if one.elements <= set(model.elements)]
    return some[:n]


def table(
    target: str, methods: Mapping[str, Judged], bases: Mapping[str, Judged], seen: set[tuple[str, int]]
) -> dict[str, Any]:
    """Shares and ratios of each method for one target, by each judge that was not inside it."""
    aims = [parse_aim(target, shipped_latent_model().targets)]
    found: dict[str, Any] = {}
    for name, own in (methods | bases).items():
        inside = name in INSIDE
        found[name] = {
            "evaluated": min(N, len(own)),
            "decoded_or_drawn": own.tried,
            "valid_share": round(own.valid / own.tried, 4) if own.tried else 0.0,
            "not_in_training_data": round(float(np.mean([kind not in seen for kind in own.kinds] or [0])), 3),
            "chgnet_above_gnn_median": round(float(np.nanmedian(_energies(own, CHGNET) - _energies(own, WHOLE))), 3),
        }
        for judge in (OTHER_HALF, CHGNET) if inside else (WHOLE, OTHER_HALF, CHGNET):
            hits = own.first(N).hits(aims, judge)
            if hits is None or not len(hits):
                continue
            row: dict[str, Any] = {"within": share(hits)}
            for base, other in bases.items() if name in methods else ():
                few, many = other.first(N).hits(aims, judge), other.hits(aims, judge)
                assert few is not None
                assert many is not None
                row[f"over {base}"] = ratio(hits, few)
                if len(many) > N:
                    row[f"over {base}, {len(many)} evaluated"] = ratio(hits, many)
            found[name][judge] = row
    return found


def share(held: Iterable[bool]) -> dict[str, Any]:
    """A share with its 95 % interval."""
    verdicts = list(held)
    lower, upper = wilson(sum(verdicts), len(verdicts))
    return {"share": round(float(np.mean(verdicts)), 4), "95": [round(lower, 4), round(upper, 4)], "n": len(verdicts)}


def success(runs: Sequence[Judged], free: Judged, energies: NDArray[np.float64]) -> dict[str, Any]:
    """SR5, SR10 and SR15 by each judge."""
    found: dict[str, Any] = {"runs": len(runs), "best_of": BEST_OF, "decoded": sum(one.tried for one in runs)}
    found["different_best"] = len({one.kinds[int(np.nanargmin(_energies(one, WHOLE)))] for one in runs if len(one)})
    for judge in (WHOLE, CHGNET):
        every = np.concatenate([_energies(one, judge) for one in runs])
        for quantile in QUANTILES:
            limit = float(np.quantile(energies, quantile))
            chance = float((_energies(free, judge) < limit).mean())
            found[f"SR{quantile * 100:.0f} by {judge}"] = {
                "limit_eV_per_atom": round(limit, 3),
                **share([bool((_energies(one, judge) < limit).any()) for one in runs]),
                "of_all_decoded": share((every < limit).tolist()),
                "one_sample_of_the_prior": round(chance, 4),
                f"best_of_{BEST_OF}_samples_of_the_prior": round(1 - (1 - chance) ** BEST_OF, 4),
            }
    return found


def _energies(one: Judged, judge: str) -> NDArray[np.float64]:
    return one.values[judge]["formation_energy"]


def main() -> None:
    """Measure, print and write results/inverse_design.json."""
    folder = mp20.data_folder(__doc__ or "")
    figures: dict[str, Any] = {"model": shipped_latent_model().name, "seed": SEED, "speed": speed(SPEED)}
    print(figures, flush=True)
    begun = time.perf_counter()
    train, val = mp20.table(folder, "train"), mp20.table(folder, "val")
    pairs = zip(train["pretty_formula"], train["spacegroup.number"], strict=True)
    seen = {(Composition(formula).reduced_formula, int(group)) for formula, group in pairs}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        searches = {target: pool.submit(search, target, N, SEED) for target in TARGETS}
        judged_inside = {target: pool.submit(with_target, target, N, SEED) for target in TARGETS}
        alone = {target: pool.submit(model_alone, target, N, SEED) for target in TARGETS}
        free = pool.submit(prior, BASE, SEED)
        begin = starts(val, RUNS, SEED)
        parts = [pool.submit(optimised, begin[k : k + 10], SEED + k) for k in range(0, len(begin), 10)]
        random = train.sample(PARENTS, random_state=SEED)
        replaced = pool.submit(substitution, crystals(random), BASE, SEED)
        fitting = {target: pool.submit(substitution, crystals(parents(train, target)), N, SEED) for target in TARGETS}
        runs = [one for part in parts for one in part.result()]
        for target in TARGETS:
            first, delivered = searches[target].result()
            figures[target] = table(
                target,
                {
                    ALONE: alone[target].result(),
                    TARGET: judged_inside[target].result(),
                    OPTIMISE: delivered,
                    OPTIMISE_JUDGED: first,
                },
                {
                    "prior": free.result(),
                    "substitution": replaced.result(),
                    "substitution in crystals with the property": fitting[target].result(),
                },
                seen,
            )
        energies = train["formation_energy_per_atom"].to_numpy(dtype=float)
        figures["success_rates"] = success(runs, free.result(), energies)
    figures["wall_seconds_without_speed"] = round(time.perf_counter() - begun, 1)
    print(write_result("inverse_design", figures).read_text(encoding="utf-8"))


def parents(train: pd.DataFrame, target: str) -> pd.DataFrame:
    """Training crystals at random whose label meets a target."""
    aim = parse_aim(target, shipped_latent_model().targets)
    fits = aim.shortfall(train[LABELS[aim.target.name]].to_numpy(dtype=float)) <= 0
    own = train[fits]
    return own.sample(min(len(own), 2 * N), random_state=SEED)


if __name__ == "__main__":
    main()
