"""What a campaign is reminded of, what it leaves behind, and that it goes on when the index fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_campaign import crystal, entries, events
from test_earlier import Asked
from word_recall import WordRecall

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, read_campaign_file
from athanor.agent.executors import InlineExecutor
from athanor.agent.planners.hypothesise import hypothesise
from athanor.agent.planners.random_planner import RandomPlanner
from athanor.agent.planners.supply import Supply
from athanor.agent.recollection.documents import learned
from athanor.agent.recollection.recollect import Recollection, Sources
from athanor.agent.recollection.remember import catch_up, embeddings, everything
from athanor.memory.events import CrystalEmbedded, Evaluated, Recalled, TrialFinished
from athanor.memory.ledger import HOME
from athanor.memory.people_events import NoteAdded
from athanor.memory.recall import Document, Passage, Where
from athanor.memory.records import Candidate, Crystal, Origin, Provenance
from athanor.memory.state import State, fold
from athanor.memory.volatile import VolatileLedger
from athanor.tools.space import CrystalSpace

World = Callable[..., Path]


def run(file: CampaignFile, ledger: VolatileLedger, recall: WordRecall | None, mark: str = "") -> State:
    memory = Recollection(file, Sources(ledger, recall, lambda crystal: None, {"pool.csv": mark}))
    planner = RandomPlanner(file.goal, file.space, file.seed)
    return Campaign(file, ledger, planner, {"pool.csv": Asked()}, InlineExecutor, memory).run("me", {})


def told(recall: WordRecall, **changes: Any) -> VolatileLedger:
    """The made-up campaign in a ledger and in an index."""
    ledger = VolatileLedger()
    ledger.append("stiff", [event for _, event in events(**changes)])
    catch_up(ledger, recall, everything(ledger))
    return ledger


def test_a_campaign_leaves_documents_and_its_position(world: World) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    state = run(read_campaign_file(world(name="first")), ledger, recall)
    kinds = {document.kind for document in recall.documents.values()}
    assert kinds == {"reflection", "summary"}
    assert recall.last["first"] == state.last
    summary = recall.documents["first/summary"]
    assert "strong and cheap" in summary.text
    assert set(summary.trials) <= set(state.trials)


def test_planners_are_reminded_of_others_and_not_of_themselves(world: World) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    run(read_campaign_file(world(name="first")), ledger, recall)
    note = NoteAdded(author="Ada", campaign="second", text="strong samples crack when cooled quickly")
    ledger.append(HOME, [note])
    state = run(read_campaign_file(world(name="second", seed=5)), ledger, recall)
    given = state.reminded(1)
    assert given is not None
    assert {passage.document.campaign for passage in given.passages} == {"first", "second"}
    assert [p.document.text for p in given.passages if p.document.campaign == "second"] == [note.text]
    assert all(
        passage.document.kind == "note" or passage.document.campaign == "first"
        for recalled in state.recalled.values()
        for passage in recalled.passages
    )


def test_a_campaign_goes_on_without_its_index_and_says_so_once(world: World) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    run(read_campaign_file(world(name="first")), ledger, recall)
    recall.trouble = "the index is damaged; make it anew by: athanor recall --rebuild"
    recall.calls = 0
    state = run(read_campaign_file(world(name="second", seed=5)), ledger, recall)
    assert state.lost == (recall.trouble,)
    assert recall.calls == 1
    assert len(state.completed) == 20
    assert not state.recalled


def test_without_memory_it_is_reminded_of_nothing_and_still_leaves_what_it_learns(world: World) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    run(read_campaign_file(world(name="first")), ledger, recall)
    state = run(read_campaign_file(world(name="second", memory=False)), ledger, recall)
    assert not state.recalled
    assert "second/summary" in recall.documents


def test_the_same_is_recorded_once(world: World) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    run(read_campaign_file(world(name="first")), ledger, recall)
    state = run(read_campaign_file(world(name="second", seed=5)), ledger, recall)
    assert list(state.recalled) == [1]


def test_a_rebuilt_index_equals_the_one_that_grew(world: World) -> None:
    grown, ledger = WordRecall(), VolatileLedger()
    for name, seed in (("first", 3), ("second", 5)):
        run(read_campaign_file(world(name=name, seed=seed)), ledger, grown)
    run(read_campaign_file(world(name="first", seed=3, goal=bigger(world))), ledger, grown)
    ledger.append(HOME, [NoteAdded(author="Ada", text="the furnace was cold")])
    catch_up(ledger, grown, everything(ledger))
    made = WordRecall()
    catch_up(ledger, made, everything(ledger))
    assert made.documents == grown.documents
    assert len(made.documents) > 10
    assert made.last == grown.last


def bigger(world: World) -> dict[str, Any]:
    goal: dict[str, Any] = read_campaign_file(world()).goal.model_dump(mode="json")
    return goal | {"budget": {"evaluations": 28}}


def test_catching_up_takes_what_is_missing_and_nothing_twice() -> None:
    recall = WordRecall()
    ledger = told(recall, trials=20, ended=False)
    before = recall.calls
    catch_up(ledger, recall, everything(ledger))
    assert recall.calls == before + 1
    ledger.append("stiff", [event for _, event in events(24, ended=False)[len(events(20, ended=False)) :]])
    catch_up(ledger, recall, everything(ledger))
    whole = WordRecall()
    catch_up(ledger, whole, everything(ledger))
    assert whole.documents == recall.documents


def test_documents_of_a_crystal_campaign() -> None:
    told_events = entries(events(40, confirming=(3,)))
    state = fold(told_events)
    found = {document.id: document for document in learned("stiff", told_events, state).documents}
    failed = next(trial for trial in state.failed)
    failure = found[f"stiff/failure/{failed.number}"]
    assert isinstance(failed.candidate.content, Crystal)
    assert set(failure.elements) == set(failed.candidate.content.species)
    assert failure.trials == (failed.number,)
    claim = found["stiff/hypothesis/h1"]
    assert (claim.verdict, claim.prediction) == ("refuted", state.hypotheses["h1"].prediction)
    assert state.judgements["h1"].statistic in claim.text
    assert set(claim.trials) == {*state.judgements["h1"].passed, *state.judgements["h1"].failed}
    assert found["stiff/summary"].kind == "summary"
    assert len([d for d in found.values() if d.kind == "failure"]) == len(state.failed)


def test_finished_crystals_are_embedded_once_as_relaxed() -> None:
    ledger = VolatileLedger()
    ledger.append("stiff", [event for _, event in events(8, ended=False)])
    state = fold(ledger.entries("stiff"))
    asked: list[Crystal] = []

    def embed(one: Crystal) -> tuple[str, tuple[float, ...]]:
        asked.append(one)
        return "test 1", (1.0, 2.0)

    new = embeddings(state, embed, before_batch=2)
    assert {event.trial for event in new if isinstance(event, CrystalEmbedded)} == {1, 2, 3, 4}
    outcome = state.trials[2].outcome
    assert outcome is not None
    assert asked[1] == outcome.crystal
    ledger.append("stiff", new)
    later = embeddings(fold(ledger.entries("stiff")), embed)
    assert {event.trial for event in later if isinstance(event, CrystalEmbedded)} == {5, 6, 7, 8}


def reminded(state: State, documents: list[Document], materials: tuple[Evaluated, ...] = ()) -> State:
    """A state to which memory has just given something."""
    passages = tuple(Passage(document=document, similarity=0.5) for document in documents)
    batch = state.batches + 1
    given = Recalled(batch=batch, passages=passages, materials=materials)
    entry = entries([(9e5, given)])[0].model_copy(update={"number": state.last + 1})
    return fold([entry], state)


@pytest.fixture
def earlier() -> Document:
    """A hypothesis about stiffness that another campaign has judged."""
    told_events = entries(events(40))
    found = learned("other", told_events, fold(told_events)).documents
    return next(d.model_copy(update={"verdict": "supported"}) for d in found if d.id == "other/hypothesis/h1")


def pool() -> list[Candidate]:
    return [Candidate(content=crystal(number), provenance=Provenance(tool="test")) for number in range(1, 120)]


def loose(document: Document) -> Document:
    """The same claim about anything, so that the made-up crystals can test it."""
    assert document.prediction
    return document.model_copy(update={"prediction": document.prediction.model_copy(update={"conditions": ()})})


def test_a_claim_supported_at_another_oracle_is_tested_here_first(earlier: Document) -> None:
    from made_up_campaign import goal

    state = State(spec={"goal": goal().model_dump(mode="json")})
    plain = hypothesise(goal(), state, pool())
    hypothesis = hypothesise(goal(), reminded(state, [loose(earlier)]), pool())
    assert plain is not None
    assert hypothesis is not None
    assert hypothesis.prediction == loose(earlier).prediction != plain.prediction
    assert "other" in hypothesis.rationale
    assert "«" in hypothesis.rationale


@pytest.mark.parametrize("verdict", ["refuted", "inconclusive", "open"])
def test_only_what_was_supported_is_claimed_again(earlier: Document, verdict: str) -> None:
    from made_up_campaign import goal

    state = State(spec={"goal": goal().model_dump(mode="json")})
    document = loose(earlier).model_copy(update={"verdict": verdict})
    assert hypothesise(goal(), reminded(state, [document]), pool()) == hypothesise(goal(), state, pool())


def test_what_was_refuted_elsewhere_is_not_claimed_here() -> None:
    from made_up_campaign import goal

    state = State(spec={"goal": goal().model_dump(mode="json")})
    plain = hypothesise(goal(), state, pool())
    assert plain is not None
    document = Document(
        id="other/hypothesis/h1",
        kind="hypothesis",
        campaign="other",
        text=plain.statement,
        verdict="refuted",
        prediction=plain.prediction,
        time=entries(events(1))[0].time,
    )
    again = hypothesise(goal(), reminded(state, [document]), pool())
    assert again is None or again.prediction != plain.prediction


def test_recalled_materials_become_parents() -> None:
    from made_up_campaign import goal, measurements

    seen = Evaluated(
        origin=Origin(campaign="other", trial=7),
        oracle="chgnet",
        crystal=crystal(11),
        measurements=measurements(11),
        similarity=0.9,
    )
    state = State(spec={"goal": goal().model_dump(mode="json")})
    space = CrystalSpace(elements=("Mg", "Al", "Ti", "Zr", "N", "C", "O"), n_elements=(2, 3))
    supply = Supply(goal(), space, 0, 40)
    without = {c.id for c in supply.offer(state).candidates}
    offered = supply.offer(reminded(state, [], (seen,))).candidates
    assert {c.id for c in offered} != without
    parent = Candidate(content=crystal(11), provenance=Provenance(tool="recall"))
    assert any(parent.id in c.provenance.parents for c in offered)


def test_an_answer_that_failed_is_no_parent() -> None:
    from made_up_campaign import goal

    seen = Evaluated(
        origin=Origin(campaign="other", trial=7), oracle="chgnet", crystal=crystal(11), measurements=(), similarity=0.9
    )
    state = State(spec={"goal": goal().model_dump(mode="json")})
    space = CrystalSpace(elements=("Mg", "Al", "Ti", "Zr", "N", "C", "O"), n_elements=(2, 3))
    supply = Supply(goal(), space, 0, 40)
    plain = [c.id for c in supply.offer(state).candidates]
    assert [c.id for c in supply.offer(reminded(state, [], (seen,))).candidates] == plain


def test_materials_are_looked_up_in_the_ledger() -> None:
    recall = WordRecall()
    ledger = told(recall, trials=12, ended=False)
    state = fold(ledger.entries("stiff"))
    ledger.append("stiff", embeddings(state, lambda one: ("test 1", (float(len(one.species)), 1.0))))
    catch_up(ledger, recall, everything(ledger))
    assert {m.trial for m in recall.materials.values()} == set(state.trials)
    nearest = recall.like((2.0, 1.0), 3, Where())[0].material
    answered = next(
        e.event
        for e in ledger.entries("stiff")
        if isinstance(e.event, TrialFinished) and e.event.trial == nearest.trial
    )
    assert {p.name: p.value for p in nearest.properties} == {m.property: m.value for m in answered.outcome.measurements}


def test_an_index_far_behind_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recall, ledger = WordRecall(), VolatileLedger()
    run(read_campaign_file(world(name="first")), ledger, None)
    lacking = len(list(ledger.entries("first")))
    # The new campaign's own first entries count too.
    monkeypatch.setattr("athanor.agent.recollection.recollect.MOST_BEHIND", lacking)
    state = run(read_campaign_file(world(name="second", seed=5)), ledger, recall)
    assert len(state.lost) == 1
    assert "athanor recall --rebuild" in state.lost[0]
    assert not recall.documents
    monkeypatch.setattr("athanor.agent.recollection.recollect.MOST_BEHIND", 10 * lacking)
    assert run(read_campaign_file(world(name="third", seed=7)), ledger, recall).lost == ()
    assert {"first/summary", "second/summary"} <= recall.documents.keys()
