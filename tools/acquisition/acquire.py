"""The acquire tool: which candidates of a pool are worth an evaluation, given all results so far.

Knows the goal, trials, the surrogate and BoTorch. Must not evaluate anything, nor make candidates.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from botorch.exceptions.warnings import BotorchWarning
from botorch.optim import optimize_acqf_discrete
from linear_operator.utils.warnings import NumericalWarning  # type: ignore[import-untyped]
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from ...memory.errors import TerminalError
from ...memory.records import Candidate, Crystal, Goal
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..properties.predicted import Chosen
from . import merit
from .excess import Excess, wants_all_the_best
from .feasibility import Feasibility, is_infeasible, learn
from .improvement import Weight, improvement, keeps
from .remaining import expected_gain
from .surrogate import Described, describe, fit

ROWS = 300
"""Completed trials that a surrogate learns from; of more, the informative ones are taken."""
INCUMBENTS = 16
"""Best trials whose uncertainty the acquisition averages over."""
SAMPLES = 32
CHUNK = 256
"""Candidates scored at a time, which bounds memory."""
FINALISTS = 32
"""Candidates, or four times the picks if that is more, that are scored again after each pick."""
SHORTLIST = 0.25
"""Share of the pool that the estimates let through before there is a surrogate."""


@dataclass(frozen=True)
class Choice:
    """A candidate that the acquisition wants.

    Attributes:
        index: Position in the pool.
        acquisition: Log of the expected gain, or of the excess for points whose best are all wanted; a score of
            its own kind before there is a surrogate.
        predicted: Property to mean and standard deviation of the oracle's answer; empty without a surrogate.
        keeps: Probability of keeping all constraints; None without a surrogate.
        made: Probability that it can be made at all; None where nothing is said of that.
    """

    index: int
    candidate: Candidate
    acquisition: float
    predicted: Mapping[str, tuple[float, float]]
    keeps: float | None
    made: float | None = None


@dataclass(frozen=True)
class Acquired:
    """What to evaluate next, best first, and how that was found.

    Attributes:
        notes: First what was wanted, or why there is nothing to rank by; with what went wrong in fitting.
        gain: What all of the pool would be expected to bring beyond the best known, in the unit of the one objective;
            None where there are several, no surrogate, or no trial that keeps the constraints.
    """

    picks: tuple[Choice, ...]
    notes: tuple[str, ...]
    gain: float | None = None


def acquire(
    goal: Goal,
    trials: Sequence[Trial],
    pool: Sequence[Candidate],
    q: int,
    seed: int,
    predictor: Chosen | None = None,
) -> Acquired:
    """Choose up to `q` candidates of a pool.

    The same input gives the same picks, whatever the order of trials and pool. Unfinished trials are pending. A
    candidate that any trial holds, failed ones included, is not chosen again.

    Args:
        trials: All trials of the campaign.
        q: Number of picks wanted; fewer come back from a smaller pool.
        seed: Of the random numbers.
        predictor: Estimates what the fast potential cannot say of crystals.
    """
    ordered = sorted(trials, key=lambda t: t.number)
    tried = {t.candidate.id for t in ordered}
    place = {c.id: i for i, c in reversed(list(enumerate(pool))) if c.id not in tried}
    if not place or q < 1:
        return Acquired((), ("no candidate of the pool is untried",))
    fresh = [pool[place[name]] for name in sorted(place)]
    rows = informative(goal, [t for t in ordered if t.status == "completed"], ROWS)
    failed = [t for t in ordered if is_infeasible(t)][-ROWS:]
    pending = [t for t in ordered if t.is_pending]
    at_hand = _AtHand.of(goal, fresh, rows, failed, pending, predictor)
    best = each_once([t for t in best_first(goal, rows) if t.number in at_hand.trials])
    notes: list[str] = []
    gain = None
    configure_torch()
    # Scipy's optimiser hands vectors of a few numbers to all cores, which makes a fit six times slower.
    with torch.random.fork_rng(devices=[]), threadpool_limits(1, "blas"), warnings.catch_warnings():
        # With no hit yet it advises to maximise the probability of one, which the constraints' weight does here.
        warnings.filterwarnings("ignore", message="When all training points are infeasible", category=BotorchWarning)
        # Near-twins make covariances that need a little jitter.
        warnings.filterwarnings("ignore", category=NumericalWarning)
        torch.manual_seed(seed)
        if not at_hand.fresh:
            picks = []
        elif not best or min(map(len, at_hand.answers.values())) < at_hand.described.least:
            picks = _by_estimates(goal, at_hand, q)
            least = at_hand.described.least
            needed = f"{least} values of each property are needed, there are {at_hand.counts}"
            short = ", among the best by the estimates" if at_hand.described.estimates else ""
            notes.append(f"no surrogate yet: {needed}; far from all that is taken{short}")
        else:
            picks, notes, gain = _by_surrogate(goal, rows, best, at_hand, q, seed)
    refused = [i for i in sorted(at_hand.described.refused) if i < len(fresh)]
    if refused:
        reason = at_hand.described.refused[refused[0]]
        notes.append(f"{len(refused)} candidates cannot be estimated and come last, the first because: {reason}")
    picks += [Choice(i, fresh[i], -math.inf, {}, None) for i in refused][: max(0, q - len(picks))]
    return Acquired(tuple(replace(p, index=place[p.candidate.id]) for p in picks), tuple(notes), gain)


def informative(goal: Goal, trials: Sequence[Trial], limit: int) -> tuple[Trial, ...]:
    """The trials worth learning from, at most `limit`, by number.

    A quarter are the best (the Pareto set first), a quarter the newest, and the rest are spread evenly over all
    others by their content hashes, which needs no estimate of the ones left out.
    """
    if len(trials) <= limit:
        return tuple(trials)
    newest = sorted(trials, key=lambda t: -t.number)
    spread = sorted(trials, key=lambda t: (t.candidate.id, t.number))
    ranked = [*best_first(goal, trials)[: limit // 4], *newest[: limit // 4], *spread]
    kept = list({t.number: t for t in ranked}.values())[:limit]
    return tuple(sorted(kept, key=lambda t: t.number))


def best_first(goal: Goal, trials: Sequence[Trial]) -> list[Trial]:
    """Trials that know every objective: the Pareto set, other hits, then the rest; each by its mean standard score."""
    known = [t for t in trials if merit.values(goal, t) is not None]
    if not known:
        return []
    gains = np.array([merit.values(goal, t) for t in known]) * merit.signs(goal)
    scores = ((gains - gains.mean(axis=0)) / np.maximum(gains.std(axis=0), 1e-12)).mean(axis=1)
    front = {t.number for t in merit.pareto(goal, known)}
    ranks = [
        (t.number not in front, not merit.is_feasible(goal, t), -s, t.number)
        for t, s in zip(known, scores, strict=True)
    ]
    return [known[i] for i in sorted(range(len(known)), key=ranks.__getitem__)]


def each_once(trials: Sequence[Trial]) -> list[Trial]:
    """The first trial of each candidate, in their order."""
    return list({t.candidate.id: t for t in reversed(trials)}.values())[::-1]


@dataclass(frozen=True)
class _AtHand:
    """All candidates that matter, described together: the fresh ones first, then those of trials.

    Attributes:
        fresh: Indices of candidates to choose from.
        answers: Property of the goal to values by index.
        deviations: Likewise the standard deviations that are stated with values of points. A simulation of a crystal
            states the error of a fit, which is not noise.
        trials: Trial number to index, of completed and unfinished ones.
        failed: Indices of trials that failed for what was asked.
        pending: Indices of unfinished trials.
    """

    described: Described
    candidates: Sequence[Candidate]
    fresh: list[int]
    answers: Mapping[str, Mapping[int, float]]
    deviations: Mapping[str, Mapping[int, float]]
    trials: Mapping[int, int]
    failed: list[int]
    pending: list[int]

    @property
    def counts(self) -> str:
        """How many values of each property there are, in words."""
        return ", ".join(f"{len(known)} of {name}" for name, known in self.answers.items())

    @classmethod
    def of(
        cls,
        goal: Goal,
        fresh: Sequence[Candidate],
        rows: Sequence[Trial],
        failed: Sequence[Trial],
        pending: Sequence[Trial],
        predictor: Chosen | None,
    ) -> _AtHand:
        candidates = [*fresh, *(t.candidate for t in (*rows, *pending, *failed))]
        described = describe(candidates, predictor)
        usable = [i not in described.refused for i in range(len(candidates))]
        trials = {t.number: i for i, t in enumerate((*rows, *pending), len(fresh)) if usable[i]}
        names = dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)])
        answers = {
            name: {trials[t.number]: t.values[name] for t in rows if t.number in trials and name in t.values}
            for name in names
        }
        deviations = {
            name: {
                trials[t.number]: m.deviation
                for t in rows
                if t.number in trials and t.outcome and not isinstance(t.candidate.content, Crystal)
                for m in t.outcome.measurements
                if m.property == name and m.deviation is not None
            }
            for name in names
        }
        waiting = [trials[t.number] for t in pending if t.number in trials]
        broken = [i for i in range(len(candidates) - len(failed), len(candidates)) if usable[i]]
        left = [i for i in range(len(fresh)) if usable[i]]
        return cls(described, candidates, left, answers, deviations, trials, broken, waiting)

    def made(self) -> Feasibility | None:
        """What is believed of what can be made, from the rows of all trials that came to an end."""
        done = [i for i in self.trials.values() if i not in self.pending]
        return learn(self.described.rows[[*done, *self.failed]], [True] * len(done) + [False] * len(self.failed))


def _by_surrogate(
    goal: Goal, rows: Sequence[Trial], best: Sequence[Trial], at_hand: _AtHand, q: int, seed: int
) -> tuple[list[Choice], list[str], float | None]:
    surrogate = fit(at_hand.described, at_hand.answers, at_hand.deviations)
    reference = merit.reference_point(goal, rows)
    if reference is None:
        raise TerminalError("no trial knows every objective, so there is nothing to improve on")
    is_listed = not at_hand.described.isotropic and wants_all_the_best(goal)
    # Of a list all that was tried counts, for its best may be among the best of the list.
    incumbents = [at_hand.trials[t.number] for t in (best if is_listed else best[:INCUMBENTS])]
    everything = [*at_hand.fresh, *incumbents, *at_hand.pending]
    belief = surrogate.over(everything)
    places = torch.arange(len(everything), dtype=torch.float64)[:, None]
    choices, known, waiting = places.tensor_split([len(at_hand.fresh), len(at_hand.fresh) + len(incumbents)])
    pending = waiting if len(waiting) else None
    made = at_hand.made() if at_hand.failed else None
    chances = None if made is None else made.probabilities(at_hand.described.rows[everything])
    weights = [] if chances is None else [_looked_up(torch.from_numpy(chances).clamp_min(1e-9).log())]
    acquisition = (
        Excess(goal, belief, places, pending, weights)
        if is_listed
        else improvement(goal, surrogate.properties, belief, known, pending, reference, SAMPLES, seed, weights)
    )
    if len(choices) > (size := max(FINALISTS, 4 * q)):
        # Apart from sampling noise a gain only shrinks as others are picked, so the best of the first round stay ahead.
        with torch.no_grad():
            gains = torch.cat([acquisition(part[:, None]) for part in choices.split(CHUNK)])
        choices = choices[gains.argsort(descending=True, stable=True)[:size]]
    chosen, scores = optimize_acqf_discrete(acquisition, min(q, len(choices)), choices, max_batch_size=CHUNK)
    means, deviations = surrogate.answers(belief)
    picks = []
    for position, score in zip(chosen[:, 0].long().tolist(), scores.reshape(-1).tolist(), strict=True):
        index, row = everything[position], (surrogate.properties, means[position], deviations[position])
        predicted = {name: (float(mean), float(deviation)) for name, mean, deviation in zip(*row, strict=True)}
        chance = None if chances is None else float(chances[position])
        picks.append(Choice(index, at_hand.candidates[index], score, predicted, keeps(goal, predicted), chance))
    learnt = f"Gaussian processes learnt from {at_hand.counts}; {len(at_hand.pending)} pending"
    notes = ["; ".join((acquisition.name, *surrogate.faults)), learnt, *surrogate.notes]
    n_settled = len(at_hand.fresh) + len(incumbents)
    settled = belief.covariances[:, :n_settled, :n_settled]
    gain = expected_gain(goal, surrogate.properties, belief.means[:n_settled], settled, len(at_hand.fresh), seed)
    return picks, notes, gain


def _looked_up(logs: Tensor) -> Weight:
    """A factor of each position."""
    return lambda positions, _: logs[positions[:, 0, 0].round().long()]


def _by_estimates(goal: Goal, at_hand: _AtHand, q: int) -> list[Choice]:
    """Before there is a surrogate: the best by the estimates, and of those what lies farthest from all taken.

    Points have no estimates, and then only the distance counts.
    """
    fresh = np.array(at_hand.fresh)
    ranks = _ranks(goal, at_hand.described, fresh)
    size = max(4 * q, math.ceil(SHORTLIST * len(fresh)))
    short = fresh[ranks <= np.sort(ranks)[min(size, len(fresh)) - 1]]
    rows = at_hand.described.rows
    centre = rows[fresh].mean(axis=0)
    taken = [rows[i] for i in at_hand.trials.values()]
    picks: list[Choice] = []
    for _ in range(min(q, len(short))):
        # The first of all is the most central: nothing is known yet that it could be far from.
        distance = (
            np.min([np.linalg.norm(rows[short] - row, axis=1) for row in taken], axis=0)
            if taken
            else -np.linalg.norm(rows[short] - centre, axis=1)
        )
        best = int(np.argmax(distance))
        index = int(short[best])
        picks.append(Choice(index, at_hand.candidates[index], float(distance[best]), {}, None))
        taken.append(rows[index])
        short = np.delete(short, best)
    return picks


def _ranks(goal: Goal, described: Described, fresh: NDArray[np.int_]) -> NDArray[np.int_]:
    """Pareto layer of each candidate by its estimates, `(n_fresh,)`; those that break a constraint come after."""
    ranks = np.zeros(len(fresh), dtype=int)
    signs = merit.signs(goal)
    columns = [
        sign * np.array([o.amount(value) for value in described.estimates[o.property][fresh]])
        for o, sign in zip(goal.objectives, signs, strict=True)
        if o.property in described.estimates
    ]
    if columns:
        gains = np.column_stack(columns)
        left = np.arange(len(fresh))
        while len(left):
            outer = merit.non_dominated(gains[left])
            left = left[~outer]
            ranks[left] += 1
    for c in goal.constraints:
        if c.property in described.estimates:
            ranks[[not c.holds(float(v)) for v in described.estimates[c.property][fresh]]] += len(fresh)
    return ranks
