"""Light imports stay light: what `import athanor` and the command line must not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "botorch", "gpytorch", "chgnet", "sevenn", "ase", "pymatgen", "scipy", "pandas", "matplotlib")
SERVICES = ("chromadb", "fastapi", "langchain_openai", "sqlalchemy")


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("statement", ["import athanor", "import athanor.agent.cli", "import athanor.memory.records"])
def test_loads_nothing_heavy(statement: str) -> None:
    assert not loaded_by(statement).intersection(HEAVY + SERVICES)


def test_bare_import_loads_nothing_of_others() -> None:
    ours = loaded_by("import athanor") - loaded_by("pass")
    assert ours <= {"athanor", *sys.stdlib_module_names}


def test_memory_alone_knows_no_torch() -> None:
    loaded = loaded_by("import athanor.memory.sql, athanor.memory.state")
    assert not loaded.intersection(HEAVY)
