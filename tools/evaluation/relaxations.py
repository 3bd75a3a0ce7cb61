"""Relaxations of generated crystals in several processes; each is kept as soon as it is done, and never made twice.

Knows the simulation oracle by its settings, and a file of outcomes. Must not know what is counted of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ...memory.errors import TerminalError, UserError
from ...memory.records import Candidate, Crystal, Failure, Outcome, Provenance, Record
from ..oracles.oracle import SimulationSettings

if TYPE_CHECKING:
    from ..oracles.simulation import SimulationOracle

Tell = Callable[[int, int], object]
"""Is told how many of how many relaxations are done."""

SETTINGS = SimulationSettings(calculator="chgnet", bulk_modulus=False, fmax=0.1, max_steps=100, max_cpu_seconds=90.0)
"""Looser than a campaign's, so that hundreds are affordable; from a cell near equilibrium 24 steps are usual."""


_DECISIVE = (
    *(f"crystals/{name}.py" for name in ("cell", "hull", "symmetry")),
    *(f"oracles/{name}.py" for name in ("guards", "potentials", "relax", "simulation")),
    *(f"reference/{name}" for name in ("element_references.json", "known_phases.csv.gz")),
)
"""Files of the tools on which an outcome depends; those of earlier ones are not taken up again."""


@dataclass(frozen=True)
class Relaxation:
    """How generated crystals are relaxed.

    Attributes:
        n: The first so many samples are; those that failed before count as failed relaxations.
        executor: Where.
        folder: Where outcomes are kept, so that an evaluation that was interrupted goes on; None for nowhere.
    """

    n: int
    executor: Executor
    folder: Path | None = None


class _Line(Record):
    """A line of the file of outcomes."""

    id: str
    outcome: Outcome


def relaxed(crystals: Sequence[Crystal | None], how: Relaxation, tell: Tell) -> tuple[Outcome | None, ...]:
    """Relax crystals; None where there is none. What fails is an outcome with a failure.

    Raises:
        UserError: The folder cannot be written.
        TerminalError: A process was killed.
    """
    path = how.folder / f"relaxed-{_fingerprint()}.jsonl" if how.folder is not None else None
    candidates = [None if one is None else Candidate(content=one, provenance=_PROVENANCE) for one in crystals]
    found = _read(path) if path is not None else {}
    wanted = {one.id: one for one in candidates if one is not None}
    tell(sum(name in found for name in wanted), len(wanted))
    pending: dict[Future[Outcome], str] = {
        how.executor.submit(relax_one, one): name for name, one in wanted.items() if name not in found
    }
    try:
        for done in as_completed(pending):
            found[pending[done]] = done.result()
            if path is not None:
                _keep(path, _Line(id=pending[done], outcome=done.result()))
            tell(sum(name in found for name in wanted), len(wanted))
    except BrokenProcessPool as error:
        raise TerminalError("a process that relaxed crystals was killed; what was done is kept") from error
    return tuple(None if one is None else found[one.id] for one in candidates)


_PROVENANCE = Provenance(tool="benchmark")


def relax_one(candidate: Candidate) -> Outcome:
    """Relax a crystal with CHGNet; whatever goes wrong is a failure of the candidate."""
    oracle = _oracle()
    try:
        return oracle.evaluate(candidate)
    except Exception as error:  # noqa: BLE001 - a generated crystal can break any of the libraries below
        return Outcome(failure=Failure(kind="crash", message=f"{type(error).__name__}: {error}"[:400]))


@lru_cache(maxsize=1)
def _oracle() -> SimulationOracle:
    from ..oracles.simulation import SimulationOracle

    return SimulationOracle(SETTINGS)


def _fingerprint() -> str:
    """Hash of all that decides where a relaxation ends and how high above the hull, 16 hexadecimal digits."""
    seen = sha256(f"{SETTINGS.model_dump_json()} {version('chgnet')} {version('ase')}".encode())
    tools = Path(__file__).parents[1]
    for name in _DECISIVE:
        seen.update((tools / name).read_bytes())
    return seen.hexdigest()[:16]


def _read(path: Path) -> dict[str, Outcome]:
    """Outcomes of earlier calls; a line that a kill has cut off is left out."""
    try:
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: kept relaxations cannot be read: {error}; remove the file") from error
    found = {}
    for text in lines:
        try:
            line = _Line.model_validate_json(text)
        except ValidationError:
            continue
        found[line.id] = line.outcome
    return found


def _keep(path: Path, line: _Line) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line.model_dump_json()}\n")
    except OSError as error:
        raise UserError(f"{path.parent}: relaxations cannot be kept there: {error}") from error
