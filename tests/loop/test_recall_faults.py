"""What recall does when its files, its server or its process fail: it says so, and nobody else is harmed."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from made_up_recall import at_address, document, in_folder, material, slow

from athanor.memory.index import chroma, chroma_folder
from athanor.memory.index.isolated import IsolatedRecall, open_recall
from athanor.memory.recall import Recall, RecallError, Where

ANY = Where()
DOCUMENTS = [document(number) for number in range(1050)]
MATERIALS = [material(number) for number in range(20)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index, large enough to have all its files."""
    folder = tmp_path_factory.mktemp("sound") / "recall"
    recall = IsolatedRecall(partial(in_folder, folder))
    recall.index(DOCUMENTS, MATERIALS, {"stiff": 7})
    recall.close()
    return folder


@pytest.fixture
def folder(tmp_path: Path, sound: Path) -> Path:
    """A copy of that index."""
    return Path(shutil.copytree(sound, tmp_path / "recall"))


@pytest.fixture
def recall(folder: Path) -> Iterator[IsolatedRecall]:
    """That copy in a process of its own."""
    made = IsolatedRecall(partial(in_folder, folder), seconds=30)
    yield made
    made.close()


def whole(recall: Recall) -> None:
    """Everything is there."""
    assert recall.positions() == {"stiff": 7}
    assert len(recall.search("reflection", 2000, ANY)) == len(DOCUMENTS)
    assert len(recall.like((1.0, 0.0, 0.0), 2000, ANY)) == len(MATERIALS)


def garbage(file: Path) -> None:
    file.write_bytes(random.Random(file.name).randbytes(file.stat().st_size))


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", [garbage, truncated, Path.unlink])
def test_damaged_files(sound: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    names = {file.name: file for file in files_of(sound)}
    assert len(names) >= 6
    refused = 0
    for place, file in names.items():
        copy = shutil.copytree(sound, tmp_path / place / "recall")
        for damaged in copy.rglob(place):
            damage(damaged)
        recall = IsolatedRecall(partial(in_folder, copy), seconds=30)
        try:
            for passage in recall.search("number5", 3, ANY):
                assert -1 <= passage.similarity <= 1
            recall.like((1.0, 0.0, 0.0), 3, Where(elements=("Mn",)))
            recall.index([document(1)], [], {"stiff": 7})
        except RecallError as error:
            refused += "--rebuild" in str(error)
        recall.clear()
        recall.index([document(1)], [], {"stiff": 1})
        assert [found.document for found in recall.search("reflection", 3, ANY)] == [document(1)], file
        assert recall.positions() == {"stiff": 1}
        recall.close()
    assert refused > 0


def test_the_parent_never_loads_chroma(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from athanor.memory.index.isolated import open_recall
if __name__ == "__main__":
    recall = open_recall(Path(sys.argv[1]), None)
    import multiprocessing
    assert not multiprocessing.active_children()
    print(dict(recall.positions()), "chromadb" in sys.modules)
    recall.close()
    assert not multiprocessing.active_children()
"""
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=100)
    assert done.stdout == "{} False\n", done.stderr
    assert chroma_folder.DATABASE in {path.name for path in (tmp_path / "recall").iterdir()}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "recall").write_text("mine")
    recall = in_folder(tmp_path / "recall")
    for use in (recall.positions, recall.clear):
        with pytest.raises(RecallError, match="this is a file"):
            use()
    assert (tmp_path / "recall").read_text() == "mine"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recall").mkdir()
    (tmp_path / "recall" / "thesis.tex").write_text("mine")
    recall = in_folder(tmp_path / "recall")
    for use in (recall.positions, recall.clear):
        with pytest.raises(RecallError, match="other things"):
            use()
    assert [path.name for path in (tmp_path / "recall").iterdir()] == ["thesis.tex"]


def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    before = os.geteuid()
    recall = in_folder(folder)
    if before == 0:
        os.seteuid(65534)
    else:
        folder.parent.chmod(0o500)
    try:
        with pytest.raises(RecallError, match="failed"):
            recall.index([document(1)], [], {})
    finally:
        os.seteuid(before)
        folder.parent.chmod(0o700)


def test_a_folder_that_goes_away(folder: Path, recall: IsolatedRecall) -> None:
    whole(recall)
    shutil.rmtree(folder)
    with pytest.raises(RecallError):
        recall.index([document(1)], [], {"stiff": 1})
    recall.index([document(1)], [], {"stiff": 1})
    assert recall.positions() == {"stiff": 1}


def test_a_busy_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma_folder, "LOCK_SECONDS", 0.2)
    with chroma_folder.turn(folder), pytest.raises(RecallError, match=r"busy for 0\.2 s"):
        in_folder(folder).positions()


def test_an_older_schema(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "SCHEMA", 2)
    recall = in_folder(folder)
    with pytest.raises(RecallError, match=r"made with schema 1, not 2; .*--rebuild"):
        recall.positions()
    recall.clear()
    assert recall.positions() == {}
    recall.close()


def test_nobody_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(RecallError, match=rf"127.0.0.1:{port}.*refused.*check that the server runs"):
        at_address(f"http://127.0.0.1:{port}").positions()
    assert time.monotonic() - begun < 10


def test_a_server_that_dies(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    command = [program, "run", "--path", tmp_path / "store", "--host", "127.0.0.1", "--port", str(port)]
    recall = IsolatedRecall(partial(at_address, f"http://127.0.0.1:{port}"))

    def ask_until_it_answers() -> dict[str, int]:
        for _ in range(100):
            try:
                return dict(recall.positions())
            except RecallError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    for known in ({}, {"stiff": 7}):
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
        try:
            assert ask_until_it_answers() == known
            recall.index([document(1)], [], {"stiff": 7})
        finally:
            server.kill()
            server.wait()
        with pytest.raises(RecallError, match="check that the server runs"):
            recall.search("reflection", 1, ANY)
    recall.close()


def end_child() -> None:
    (child,) = multiprocessing.active_children()
    child.kill()
    child.join()


@pytest.mark.parametrize("seconds", [0.02, 0.2, 0.5])
def test_a_child_killed_while_it_indexes(folder: Path, recall: IsolatedRecall, seconds: float) -> None:
    whole(recall)
    (child,) = multiprocessing.active_children()
    # By its number: two threads must not wait for one child.
    killer = threading.Timer(seconds, os.kill, (child.pid, signal.SIGKILL))
    killer.start()
    # Long enough for each of the instants: written five times over.
    with pytest.raises(RecallError, match="ended during index .SIGKILL."):
        recall.index(DOCUMENTS * 5, MATERIALS, {"stiff": 8})
    killer.join()
    recall.index(DOCUMENTS, MATERIALS, {"stiff": 7})
    whole(recall)


def test_a_child_that_died_meanwhile_is_replaced(recall: IsolatedRecall) -> None:
    whole(recall)
    end_child()
    whole(recall)


def test_a_call_that_takes_too_long() -> None:
    recall = IsolatedRecall(slow, seconds=3)
    with pytest.raises(RecallError, match="longer than 3 s"):
        recall.positions()
    assert not multiprocessing.active_children()


def test_an_error_in_making_it_is_told(tmp_path: Path) -> None:
    recall = IsolatedRecall(partial(in_folder, None))
    with pytest.raises(RecallError, match="one of the two"):
        recall.positions()
    recall.close()
    assert open_recall(tmp_path, None).close() is None


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    ours, theirs = (IsolatedRecall(partial(in_folder, tmp_path / "recall")) for _ in range(2))
    # By turns: each sees at once what the other wrote.
    for turn in range(6):
        writer, reader = (ours, theirs) if turn % 2 else (theirs, ours)
        writer.index([document(turn, f"turn{turn} of many")], [material(turn)], {f"campaign-{turn}": turn})
        assert reader.search(f"turn{turn}", 1, ANY)[0].document.text == f"turn{turn} of many"
        assert len(reader.like((1.0, 0.0, 0.0), 99, ANY)) == turn + 1
        assert len(reader.positions()) == turn + 1

    # At once: nothing is lost.
    def write(recall: Recall, campaign: str) -> None:
        for number in range(15):
            recall.index([document(number, campaign=campaign)], [], {campaign: number})
            assert recall.search("reflection", 1, Where(campaigns=(campaign,)))

    threads = [threading.Thread(target=write, args=pair) for pair in ((ours, "our-own"), (theirs, "their-own"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for recall in (ours, theirs):
        for campaign in ("our-own", "their-own"):
            found = recall.search("reflection", 99, Where(campaigns=(campaign,)))
            assert {passage.document.id for passage in found} == {f"{campaign}/{number}" for number in range(15)}
            assert recall.positions()[campaign] == 14
        recall.close()
