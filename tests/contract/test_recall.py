"""The contract of recall, on a folder, on a server, and on a folder in a process of its own."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_recall import NOON, WordEmbedder, at_address, document, in_folder, material

from athanor.memory.index import chroma_nearest
from athanor.memory.index.chroma import ChromaRecall
from athanor.memory.index.isolated import IsolatedRecall
from athanor.memory.recall import Document, Material, Property, Range, Recall, RecallError, Where
from athanor.memory.records import Condition, Prediction

ANY = Where()
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Chroma server with an empty store."""
    folder = tmp_path_factory.mktemp("chroma-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("chroma"),
        "run",
        "--path",
        folder,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(timeout=30)


# The second of each kind finds too few in its first rounds, so that it has to ask Chroma to filter.
@pytest.fixture(scope="module", params=["folder", "folder, few pass", "isolated", "server", "server, few pass"])
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recall]:
    """An index of each kind."""
    kind, _, few = request.param.partition(", ")
    rounds = {"rounds": (1, 2)} if few else {}
    folder = tmp_path_factory.mktemp("recall") / "recall"
    made: Recall
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chroma_nearest, "ROUNDS", chroma_nearest.ROUNDS)
        if kind == "folder":
            made = in_folder(folder, **rounds)
        elif kind == "isolated":
            made = IsolatedRecall(partial(in_folder, folder))
        else:
            # Chroma's client of a server leaves connections to be closed when they are collected.
            made = IsolatedRecall(partial(at_address, request.getfixturevalue("server"), **rounds))
        yield made
        made.close()


@pytest.fixture
def recall(lasting: Recall) -> Recall:
    """An empty index of each kind."""
    lasting.clear()
    return lasting


def texts(recall: Recall, asked: str, where: Where = ANY, n: int = 10) -> list[str]:
    return [found.document.text for found in recall.search(asked, n, where)]


def trials(recall: Recall, where: Where, n: int = 100) -> set[int]:
    return {found.material.trial for found in recall.like((1.0, 0.0, 0.0), n, where)}


def test_an_empty_index_answers_nothing(recall: Recall) -> None:
    assert recall.search("anything", 5, ANY) == ()
    assert recall.search("anything", 5, Where(elements=("O",))) == ()
    assert recall.like((1.0, 2.0), 5, Where(properties=(Range(property="density", low=1.0),))) == ()
    assert recall.positions() == {}
    recall.index([], [], {})
    assert recall.positions() == {}


def test_documents_come_back_whole_and_nearest_first(recall: Recall) -> None:
    claim = Prediction(
        conditions=(Condition(feature="elements", comparison="any_of", value=("B", "C")),),
        property="bulk_modulus",
        comparison=">=",
        value=0.1 + 0.2,
        unit="GPa",
    )
    whole = Document(
        id="Härte/hypothesis/1",
        kind="hypothesis",
        campaign="Härte",
        text="Боríды are stiff · 硬い ﷽ \x00 \U0001f525",
        elements=("B", "Ti"),
        trials=(1, 7),
        verdict="supported",
        prediction=claim,
        author="Ada Œ",
        time=datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=timezone(2 * HOUR)),
    )
    recall.index([whole, document(1, "brittle hard borides"), document(2, "oxides collapse early")], [], {})
    found = recall.search("hard borides are", 2, ANY)
    assert [passage.document.text for passage in found] == ["brittle hard borides", whole.text]
    assert found[1].document == whole
    assert found[0].similarity == pytest.approx(2 / 3, abs=0.02)
    assert found[0].similarity > found[1].similarity > 0.2


def test_materials_come_back_whole_and_nearest_first(recall: Recall) -> None:
    near = material(1, (0.1, 0.2, -3.0), values={"density": 5.1, "bulk modulus / odd": 0.1 + 0.2})
    failed = material(2, (3.0, 0.2, -0.1), values={}, failure="exploded")
    recall.index([], [failed, near], {})
    found = recall.like((0.0, 0.0, -1.0), 5, ANY)
    assert [neighbour.material.trial for neighbour in found] == [1, 2]
    assert found[0].material.model_copy(update={"embedding": ()}) == near.model_copy(update={"embedding": ()})
    assert found[1].material.properties == ()
    assert found[0].material.embedding == pytest.approx(near.embedding, rel=1e-7)
    assert found[0].similarity == pytest.approx(3 / math.hypot(0.1, 0.2, 3.0), abs=1e-5)


def test_as_many_as_asked_for(recall: Recall) -> None:
    recall.index([document(number) for number in range(7)], [material(number) for number in range(7)], {})
    assert [len(recall.search("reflection", n, ANY)) for n in (0, 1, 5, 7, 50)] == [0, 1, 5, 7, 7]
    assert [len(recall.like((1.0, 0.0, 0.0), n, ANY)) for n in (0, 1, 5, 7, 50)] == [0, 1, 5, 7, 7]


def test_a_known_id_replaces_the_earlier(recall: Recall) -> None:
    first = document(1, "open claim", kind="hypothesis", elements=("Mn",), verdict="open")
    recall.index([first, document(2)], [material(1, values={"density": 5.0, "gap": 1.0})], {})
    second = document(1, "judged claim", kind="hypothesis", verdict="refuted", time=NOON + HOUR)
    # Of two with one id in one call the later counts.
    recall.index([first, second], [material(1, values={"density": 6.0}, elements=("Ni",))], {})
    assert texts(recall, "claim", Where(kinds=("hypothesis",))) == ["judged claim"]
    assert texts(recall, "claim", Where(elements=("Mn",))) == []
    assert texts(recall, "claim", Where(verdict="open")) == []
    assert len(recall.search("claim", 10, ANY)) == 2
    (found,) = recall.like((1.0, 0.0, 0.0), 10, ANY)
    assert found.material == material(1, found.material.embedding, values={"density": 6.0}, elements=("Ni",))
    assert trials(recall, Where(properties=(Range(property="gap"),))) == set()
    assert trials(recall, Where(elements=("Mn",))) == set()


def test_embeddings_of_two_networks_are_not_mixed(recall: Recall) -> None:
    recall.index([], [material(1), material(2, model="net 2")], {})
    assert trials(recall, Where(model="net 2")) == {2}
    assert trials(recall, Where(model="net 3")) == set()


def test_indexing_twice_changes_nothing(recall: Recall) -> None:
    for _ in range(2):
        recall.index([document(1)], [material(1)], {"stiff": 4})
    assert len(recall.search("reflection", 10, ANY)) == 1
    assert trials(recall, ANY) == {1}
    assert recall.positions() == {"stiff": 4}


def test_positions_are_kept_for_each_campaign(recall: Recall) -> None:
    recall.index([], [], {"stiff": 4, "leicht ☂": 1})
    recall.index([document(1)], [], {"stiff": 9})
    recall.index([document(2)], [], {})
    assert recall.positions() == {"stiff": 9, "leicht ☂": 1}


def test_clear_forgets_everything(recall: Recall) -> None:
    recall.clear()
    recall.index([document(1)], [material(1)], {"stiff": 4})
    recall.clear()
    assert recall.positions() == {}
    assert recall.search("reflection", 5, ANY) == ()
    # Nothing is left of the old embedding's length either.
    recall.index([document(2)], [material(2, (1.0, 2.0, 3.0, 4.0))], {"stiff": 5})
    assert texts(recall, "reflection") == ["reflection number2"]
    assert recall.positions() == {"stiff": 5}


def test_a_closed_index_can_be_used_again(recall: Recall) -> None:
    recall.index([document(1)], [], {"stiff": 4})
    recall.close()
    assert texts(recall, "reflection") == ["reflection number1"]


def test_many_documents_in_one_call(recall: Recall) -> None:
    recall.index([document(number) for number in range(5000)], [], {"stiff": 5000})
    assert "reflection number4999" in texts(recall, "number4999", n=100)
    assert recall.positions() == {"stiff": 5000}


@pytest.fixture
def mixed(recall: Recall) -> Recall:
    """Documents and materials of three campaigns."""
    recall.index(
        [
            document(1, "a", elements=("Mn", "O"), kind="hypothesis", verdict="supported"),
            document(2, "b", elements=("Mn",), kind="hypothesis", verdict="refuted", time=NOON + HOUR),
            document(1, "c", campaign="light", elements=("O",), kind="note", author="Ada"),
            document(2, "d", campaign="light", kind="failure", elements=("O", "Mn", "Zr"), time=NOON + 2 * HOUR),
            document(1, "e", campaign="", kind="note", author="Ada", time=NOON - HOUR),
        ],
        [
            material(1, values={"density": 3.0, "bulk_modulus": 100.0}),
            material(2, values={"density": 4.0}, elements=("Mn",), time=NOON + HOUR),
            material(3, campaign="light", values={"density": 5.0, "bulk_modulus": 300.0}, elements=("Zr", "O", "Mn")),
            material(4, campaign="light", values={}, elements=("C",), failure="exploded"),
        ],
        {},
    )
    return recall


OF_DOCUMENTS = [
    (Where(campaigns=("stiff",)), "ab"),
    (Where(campaigns=("light", "")), "cde"),
    (Where(campaigns=("nowhere",)), ""),
    (Where(without=("stiff",)), "cde"),
    (Where(without=("stiff", "light")), "ce"),
    (Where(kinds=("note",)), "ce"),
    (Where(kinds=("hypothesis", "failure")), "abd"),
    (Where(elements=("Mn",)), "abd"),
    (Where(elements=("O", "Mn")), "ad"),
    (Where(verdict="refuted"), "b"),
    (Where(verdict="open"), ""),
    (Where(since=NOON), "abcd"),
    (Where(until=NOON), "ace"),
    (Where(since=NOON, until=NOON), "ac"),
    (Where(properties=(Range(property="density", low=0.0),)), "abcde"),
    (Where(campaigns=("stiff", "light"), elements=("Mn",), until=NOON + HOUR), "ab"),
    (Where(without=("stiff",), elements=("O",), since=NOON + HOUR), "d"),
    (Where(kinds=("hypothesis",), verdict="supported", elements=("Mn",), since=NOON - HOUR), "a"),
]


def test_filters_of_documents(mixed: Recall) -> None:
    for where, expected in OF_DOCUMENTS:
        assert sorted(texts(mixed, "a b c d e", where)) == list(expected), where


OF_MATERIALS = [
    (Where(campaigns=("stiff",)), {1, 2}),
    (Where(without=("stiff",)), {3, 4}),
    (Where(elements=("Mn", "O")), {1, 3}),
    (Where(since=NOON + HOUR), {2}),
    (Where(kinds=("note",), verdict="refuted"), {1, 2, 3, 4}),
    (Where(properties=(Range(property="density"),)), {1, 2, 3}),
    (Where(properties=(Range(property="density", low=4.0),)), {2, 3}),
    (Where(properties=(Range(property="density", low=3.0, high=4.0),)), {1, 2}),
    (Where(properties=(Range(property="density", high=4.0), Range(property="bulk_modulus", high=100.0))), {1}),
    (Where(properties=(Range(property="unheard of", low=0.0),)), set()),
    (Where(campaigns=("light",), elements=("O",), properties=(Range(property="density", low=1.0),)), {3}),
]


def test_filters_of_materials(mixed: Recall) -> None:
    for where, expected in OF_MATERIALS:
        assert trials(mixed, where) == expected, where


def test_another_embedder_is_refused_and_clear_mends_it(tmp_path: Path) -> None:
    ours = ChromaRecall(WordEmbedder(), tmp_path / "recall")
    ours.index([document(1)], [], {"stiff": 1})
    ours.close()
    for embedder in (WordEmbedder(name="words/2"), WordEmbedder(dimension=128)):
        other = ChromaRecall(embedder, tmp_path / "recall")
        for use in (
            lambda r=other: r.search("x", 1, ANY),
            lambda r=other: r.index([document(2)], [], {}),
            other.positions,
        ):
            with pytest.raises(RecallError, match=r"made with (embedder words/1|dimension 256), not .*--rebuild"):
                use()
    other.clear()
    other.index([document(2)], [], {"stiff": 2})
    assert texts(other, "reflection") == ["reflection number2"]
    other.close()


def test_embeddings_of_another_length_are_refused(recall: Recall) -> None:
    with pytest.raises(RecallError, match=r"\[2, 3\] numbers"):
        recall.index([], [material(1, (1.0, 2.0)), material(2, (1.0, 2.0, 3.0))], {"stiff": 1})
    recall.index([], [material(1, (1.0, 2.0))], {"stiff": 1})
    with pytest.raises(RecallError, match="dimension of 2, got 3"):
        recall.index([], [material(2, (1.0, 2.0, 3.0))], {"stiff": 2})
    with pytest.raises(RecallError, match="dimension of 2, got 3"):
        recall.like((1.0, 2.0, 3.0), 1, ANY)
    assert recall.positions() == {"stiff": 1}
    assert trials_of_two(recall) == {1}


def trials_of_two(recall: Recall) -> set[int]:
    return {found.material.trial for found in recall.like((1.0, 0.0), 10, ANY)}


def test_a_folder_or_an_address() -> None:
    with pytest.raises(ValueError, match="one of the two"):
        ChromaRecall(WordEmbedder())
    with pytest.raises(RecallError, match="http://HOST:PORT"):
        ChromaRecall(WordEmbedder(), address="localhost:8000").positions()


names = st.text(max_size=8)
times = st.floats(0, 7e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
elements = st.lists(st.sampled_from(["Mn", "O", "Zr"]) | st.text(min_size=1, max_size=3), unique=True, max_size=4).map(
    tuple
)
conditions = st.builds(Condition, feature=names, comparison=st.just("<="), value=st.floats(-1e9, 1e9))
predictions = st.builds(
    Prediction,
    conditions=st.lists(conditions, max_size=2).map(tuple),
    property=names,
    comparison=st.sampled_from(["<=", ">="]),
    value=st.floats(allow_nan=False, allow_infinity=False),
    unit=names,
)
documents = st.builds(
    Document,
    id=names,
    kind=st.sampled_from(["hypothesis", "note", "summary"]),
    campaign=names,
    text=st.text(max_size=40),
    elements=elements,
    trials=st.lists(st.integers(0, 2**40), max_size=3).map(tuple),
    verdict=st.none() | st.sampled_from(["open", "supported"]),
    prediction=st.none() | predictions,
    author=names,
    time=times,
)
properties = st.builds(Property, name=names, value=st.floats(allow_nan=False, allow_infinity=False), unit=names)
materials = st.builds(
    Material,
    id=names,
    campaign=names,
    trial=st.integers(0, 2**40),
    candidate=names,
    formula=names,
    elements=elements,
    properties=st.lists(properties, max_size=3, unique_by=lambda value: value.name).map(tuple),
    failure=names,
    oracle=names,
    time=times,
    model=names,
    # Below this Chroma's lengths vanish in single precision.
    embedding=st.tuples(
        *[st.just(0.0) | st.floats(2**-20, 2**20, width=32) | st.floats(-(2**20), -(2**-20), width=32)] * 3
    ),
)
whole = st.tuples(
    st.lists(documents, max_size=4, unique_by=lambda one: one.id),
    st.lists(materials, max_size=4, unique_by=lambda one: one.id),
)


@given(whole)
@settings(max_examples=12)
def test_what_was_indexed_comes_back_equal(lasting: Recall, taken: tuple[list[Document], list[Material]]) -> None:
    given_documents, given_materials = taken
    lasting.clear()
    lasting.index(given_documents, given_materials, {})
    for one in given_documents:
        found = lasting.search(one.text, 200, Where(campaigns=(one.campaign,), elements=one.elements))
        assert [passage.document for passage in found if passage.document.id == one.id] == [one]
    for crystal in given_materials:
        near = lasting.like(crystal.embedding, 200, Where(campaigns=(crystal.campaign,), since=crystal.time))
        (found_one,) = [neighbour.material for neighbour in near if neighbour.material.id == crystal.id]
        assert found_one == crystal.model_copy(update={"embedding": found_one.embedding})
        assert found_one.embedding == pytest.approx(crystal.embedding, abs=1e-6 * math.hypot(*crystal.embedding))
