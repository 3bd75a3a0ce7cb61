"""What the README shows is executed, and what it points at is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymatgen.core import Lattice, Structure

from athanor.agent.campaign_file import read_campaign_file
from athanor.tools.oracles.potentials import load_potential

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
ATHANOR = Path(sys.executable).with_name("athanor")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def named_block(name: str) -> str:
    """The block that begins with a comment of this name."""
    return next(text for kind in ("yaml", "python") for text in blocks(kind) if text.startswith(f"# {name}\n"))


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ATHANOR, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split()[1])
def test_campaign_files_are_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    assert read_campaign_file(path).name == yaml.safe_load(text)["name"]


def test_refusal_reads_as_shown(tmp_path: Path) -> None:
    (shown,) = blocks("console")
    command, expected = shown.split("\n", 1)
    wrong: dict[str, Any] = yaml.safe_load(named_block("mine.yaml"))
    wrong["goal"]["budget"]["evaluation"] = 1
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    done = run(*command.removeprefix("$ athanor ").split(), folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_own_calculator_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_calculators.py").write_text(named_block("my_calculators.py"))
    monkeypatch.syspath_prepend(str(tmp_path))
    calculator = yaml.safe_load(named_block("alloy.yaml"))["oracle"]["calculator"]
    assert type(load_potential(calculator).calculator).__name__ == "EMT"


def test_a_search_of_process_parameters_runs(tmp_path: Path) -> None:
    (tmp_path / "my_furnace.py").write_text(named_block("my_furnace.py"))
    campaign = yaml.safe_load(named_block("steel.yaml"))
    campaign["goal"]["budget"]["evaluations"], campaign["batch"], campaign["workers"] = 3, 3, 1
    (tmp_path / "steel.yaml").write_text(yaml.safe_dump(campaign))
    done = run("run", "steel.yaml", "--json", folder=tmp_path)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["completed"], summary["failed"]) == (3, 0), done.stderr


def test_predictions_in_python() -> None:
    (block,) = (text for text in blocks("python") if "tools.predict" in text)
    rutile = Structure.from_spacegroup(136, Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.3, 0.3, 0]])
    names: dict[str, Any] = {"structures": [rutile]}
    exec(block, names)
    answers = names["answers"]
    assert answers.refusals == (None,)
    # The label in the Materials Project is -3.46 eV/atom and 1.8 eV.
    assert answers.properties["formation_energy"].mean[0] == pytest.approx(-3.46, abs=0.1)
    assert answers.properties["band_gap"].mean[0] == pytest.approx(1.8, abs=0.6)
    assert answers.properties["band_gap"].zero_probability[0] < 0.1


def test_commands_exist(tmp_path: Path) -> None:
    shown = set(re.findall(r"^(?:\$ )?athanor (\w+)", "\n".join(blocks("sh") + blocks("console")), flags=re.MULTILINE))
    offered = run("--help", folder=tmp_path).stdout
    assert shown
    assert all(re.search(rf"\b{command}\b", offered) for command in shown)


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name for name in records if f"({name})" not in index] == []
    numbers = [name[:4] for name in records]
    assert len(set(numbers)) == len(numbers), "two records bear the same number"
