"""Laws of the records: they survive JSON, and the id of a candidate is that of its content alone."""

from __future__ import annotations

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from athanor.memory.events import (
    EVENT,
    CampaignOpened,
    CrystalEmbedded,
    Entry,
    Evaluated,
    Event,
    GeneratorShare,
    GeneratorShares,
    HypothesisJudged,
    HypothesisStated,
    Recalled,
    RecallLost,
    Reflected,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialProposed,
    TrialStaged,
)
from athanor.memory.people_events import NoteAdded
from athanor.memory.recall import Document, Passage
from athanor.memory.records import (
    Candidate,
    Condition,
    Crystal,
    Failure,
    Hypothesis,
    Judgement,
    Measurement,
    Origin,
    Outcome,
    Point,
    Prediction,
    Provenance,
    content_hash,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
counts = st.integers(1, 10**9)
lengths = st.floats(-50, 50)
vectors = st.tuples(lengths, lengths, lengths)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def crystals(draw: st.DrawFn) -> Crystal:
    species = draw(st.lists(st.sampled_from(["C", "Si", "O", "Mg"]), min_size=1, max_size=4))
    coordinates = draw(st.lists(vectors, min_size=len(species), max_size=len(species)))
    lattice = draw(st.tuples(vectors, vectors, vectors))
    return Crystal(lattice=lattice, species=tuple(species), coordinates=tuple(coordinates))


points = st.builds(Point, values=st.dictionaries(texts, numbers | texts, max_size=4))
contents = crystals() | points
provenances = st.builds(Provenance, tool=texts, parents=st.tuples(texts), seed=st.integers(), version=texts, note=texts)
candidates = st.builds(Candidate, content=contents, provenance=provenances)
bounds = st.sampled_from(["<=", ">="])
conditions = st.builds(Condition, feature=texts, comparison=bounds, value=numbers) | st.builds(
    Condition, feature=texts, comparison=st.just("any_of"), value=st.tuples(texts, texts)
)
predictions = st.builds(
    Prediction, conditions=st.tuples(conditions), property=texts, comparison=bounds, value=numbers, unit=texts
)
measurements = st.builds(
    Measurement,
    property=texts,
    value=numbers,
    deviation=st.none() | numbers.map(abs),
    unit=texts,
    method=st.sampled_from(["measured", "simulated", "predicted"]),
    source=texts,
)
details = st.dictionaries(texts, json_values, max_size=3)
outcomes = st.builds(
    Outcome,
    measurements=st.lists(measurements, min_size=1, max_size=3).map(tuple),
    crystal=st.none() | crystals(),
    details=details,
    cpu_seconds=numbers,
) | st.builds(Outcome, failure=st.builds(Failure, kind=st.just("crash"), message=texts), details=details)
hypotheses = st.builds(Hypothesis, id=texts, statement=texts, rationale=texts, prediction=predictions)
verdicts = st.sampled_from(["open", "supported", "refuted", "inconclusive"])
some = texts.map(lambda text: f"{text}x")
origins = st.builds(Origin, campaign=texts, trial=counts)
passages = st.builds(
    Passage,
    document=st.builds(
        Document,
        id=texts,
        kind=st.sampled_from(["hypothesis", "note", "failure"]),
        campaign=texts,
        text=texts,
        elements=st.tuples(texts),
        trials=st.tuples(counts),
        verdict=st.none() | verdicts,
        prediction=st.none() | predictions,
        time=st.datetimes(timezones=st.just(UTC)),
    ),
    similarity=numbers,
)
evaluated = st.builds(
    Evaluated,
    origin=origins,
    oracle=texts,
    crystal=crystals(),
    measurements=st.tuples(measurements),
    similarity=numbers,
)
generator_shares = st.builds(
    GeneratorShare,
    generator=some,
    share=numbers,
    made=counts,
    kept=counts,
    evaluated=counts,
    hits=counts,
    improved=counts,
)
events = st.one_of(
    st.builds(
        CampaignOpened,
        spec=details,
        versions=st.dictionaries(texts, texts, max_size=2),
        fingerprints=st.dictionaries(texts, texts, max_size=2),
    ),
    st.builds(CrystalEmbedded, trial=counts, model=texts, embedding=st.tuples(numbers, numbers)),
    st.builds(Recalled, batch=counts, passages=st.tuples(passages), materials=st.tuples(evaluated)),
    st.builds(RecallLost, message=texts),
    st.builds(
        NoteAdded, author=texts.map(lambda text: f"{text}x"), campaign=texts, text=texts.map(lambda text: f"{text}x")
    ),
    st.builds(RunStarted, holder=texts),
    st.builds(HypothesisStated, hypothesis=hypotheses),
    st.builds(GeneratorShares, batch=counts, generators=st.lists(generator_shares, max_size=3).map(tuple)),
    st.builds(
        TrialProposed,
        trial=counts,
        batch=counts,
        oracle=texts,
        candidate=candidates,
        hypothesis=st.none() | texts,
        reason=texts,
        predicted=st.dictionaries(texts, st.tuples(numbers, numbers), max_size=2),
        reused=st.none() | origins,
    ),
    st.builds(TrialStaged, trial=counts),
    st.builds(TrialFinished, trial=counts, outcome=outcomes),
    st.builds(
        HypothesisJudged,
        judgement=st.builds(Judgement, hypothesis=texts, verdict=verdicts, statistic=texts, passed=st.tuples(counts)),
    ),
    st.builds(Reflected, batch=counts, text=texts),
    st.builds(RunEnded, reason=st.just("evaluations"), message=texts),
)


@given(events)
def test_an_event_survives_json(event: Event) -> None:
    assert EVENT.validate_json(event.model_dump_json()) == event


@given(events, st.datetimes(timezones=st.timezones()))
def test_an_entry_survives_json(event: Event, time: object) -> None:
    entry = Entry(campaign="stiff", number=1, time=time, event=event)  # type: ignore[arg-type]
    assert Entry.model_validate_json(entry.model_dump_json()).event == event


@given(contents, provenances, provenances)
def test_the_id_does_not_depend_on_provenance(content: Crystal | Point, one: Provenance, other: Provenance) -> None:
    assert Candidate(content=content, provenance=one).id == Candidate(content=content, provenance=other).id


@given(candidates)
def test_the_id_survives_json(candidate: Candidate) -> None:
    assert Candidate.model_validate_json(candidate.model_dump_json()).id == candidate.id


@given(crystals())
def test_the_id_of_a_crystal_survives_a_text_of_eight_decimals(crystal: Crystal) -> None:
    """As in a CIF; only a number in the middle between two roundings may fall to the other side."""
    raw = crystal.model_dump(mode="json")
    kept = json.loads(json.dumps(raw), parse_float=lambda text: round(float(text), 6))
    written = json.loads(json.dumps(kept), parse_float=lambda text: float(f"{float(text):.8f}"))
    assert content_hash(Crystal.model_validate(written)) == content_hash(crystal)


@given(points, st.randoms(use_true_random=False))
def test_the_id_of_a_point_does_not_depend_on_the_order_of_variables(point: Point, random: object) -> None:
    shuffled = list(point.values.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert content_hash(Point(values=dict(shuffled))) == content_hash(point)


@given(st.floats(1e-12, 1e12), st.floats(1.0001, 2))
def test_points_that_differ_have_different_ids_at_any_scale(value: float, factor: float) -> None:
    assert content_hash(Point(values={"x": value})) != content_hash(Point(values={"x": value * factor}))


@given(crystals(), st.floats(1e-4, 1))
def test_crystals_that_differ_have_different_ids(crystal: Crystal, step: float) -> None:
    (x, y, z), *rest = crystal.coordinates
    moved = Crystal(lattice=crystal.lattice, species=crystal.species, coordinates=((x + step, y, z), *rest))
    assert content_hash(moved) != content_hash(crystal)


def test_minus_zero_is_zero() -> None:
    assert content_hash(Point(values={"x": -0.0})) == content_hash(Point(values={"x": 0.0}))
