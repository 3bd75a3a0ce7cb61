"""The repository root is the package: guards for the traps of that choice (docs/decisions/0001)."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pydantic
import pytest

import athanor

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("agent", "tools", "models", "memory", "prompts")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        return tomllib.load(stream)


def in_floors(pattern: str) -> list[Path]:
    """Files of the five folders, relative to the root."""
    found = [path.relative_to(ROOT) for floor in FLOORS for path in (ROOT / floor).rglob(pattern)]
    return [path for path in found if "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the files as they are now, in a folder with another name and with spaces."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "some other-name"
    wanted = [ROOT / name for name in (*FLOORS, "campaigns", "pyproject.toml", "README.md", "LICENSE", "py.typed")]
    copy.mkdir()
    shutil.copy(ROOT / "__init__.py", copy)
    for path in wanted:
        if path.is_dir():
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, copy)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([sys.executable, "-m", *command, copy], check=True, env=environment, timeout=120)
    return next(folder.glob("athanor-*.whl"))


def test_tests_run_against_this_checkout() -> None:
    assert Path(athanor.__file__).resolve().parent == ROOT


def test_package_list_equals_the_folders(project: dict[str, Any]) -> None:
    folders = {".".join(("athanor", *path.parent.parts)) for path in in_floors("*.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == folders | {"athanor"}
    assert all((ROOT / path.parent / "__init__.py").is_file() for path in in_floors("*.py"))


def test_no_stray_module_in_the_root() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    shipped = {name for name in ZipFile(wheel).namelist() if name.startswith("athanor/")}
    wanted = {f"athanor/{path.as_posix()}" for path in in_floors("*") if (ROOT / path).is_file()}
    wanted |= {f"athanor/campaigns/{path.name}" for path in (ROOT / "campaigns").glob("*.yaml")}
    assert shipped == wanted | {"athanor/__init__.py", "athanor/py.typed"}


def test_installed_wheel_finds_its_default_campaign(wheel: Path, tmp_path: Path) -> None:
    """An environment with the wheel alone, away from the checkout; libraries come from the one that runs the tests."""
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    ZipFile(wheel).extractall(site)
    libraries = Path(pydantic.__file__).parents[1]
    (site / "libraries.pth").write_text(f"{libraries}\n")
    code = (
        "import athanor; from pathlib import Path; from athanor.agent.assemble import ready_made; "
        "from athanor.agent.campaign_file import read_campaign_file; "
        "print(Path(athanor.__file__).parent, read_campaign_file(ready_made('stiff')).name)"
    )
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(site / "athanor"), "stiff"], done.stderr


def test_every_import_is_declared(project: dict[str, Any]) -> None:
    """What the five folders import comes from a declared dependency, not from one that a dependency happens to need."""
    names = {
        name.split(".")[0]
        for path in in_floors("*.py")
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        for name in imported_by(node)
    }
    owners = packages_distributions()
    third_party = names - set(sys.stdlib_module_names) - {"athanor"}
    extras = project["project"].get("optional-dependencies", {}).values()
    declared = {bare_name(line) for line in [*project["project"]["dependencies"], *(x for e in extras for x in e)]}
    undeclared = {name for name in third_party if not declared & {bare_name(o) for o in owners.get(name, [name])}}
    assert not undeclared


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def bare_name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0].lower().replace("_", "-")


def test_lock_names_versions_and_no_place() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("#")[0].strip() for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*", pin) for pin in pins), "a pin is a name and a version"
    assert "torch==2.13.0" in pins
    # The one NVIDIA package is a small pure-Python reader of the driver's state that chgnet asks for.
    assert [pin for pin in pins if pin.startswith(("nvidia", "cuda", "triton"))] == ["nvidia-ml-py3==7.352.0"]


def test_lock_covers_the_project(project: dict[str, Any]) -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {bare_name(line) for line in text.splitlines() if "==" in line and not line.startswith("#")}
    extras = project["project"].get("optional-dependencies", {}).values()
    groups = project["dependency-groups"].values()
    asked = [*project["project"]["dependencies"], *(line for part in [*extras, *groups] for line in part)]
    assert {bare_name(line) for line in asked} <= locked


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    old = tmp_path / "old-python"
    old.write_text(f"#!{sys.executable}\nimport sys\nsys.version_info = (3, 10, 4)\nexec(sys.argv[2])\n")
    old.chmod(0o755)
    done = subprocess.run(["make", "test", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "Athanor needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()
