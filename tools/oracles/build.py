"""Builds oracles from their settings, and calls them in worker processes.

Knows the three oracles by name and loads each only when asked for. Must not know campaigns or executors.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.records import Candidate, Failure, Outcome
from .oracle import (
    FunctionSettings,
    ManualSettings,
    Oracle,
    OracleSettings,
    SimulationSettings,
    TableSettings,
    answered_properties,
)

MAX_MESSAGE = 500
"""Characters of a failure's message."""

_built: dict[str, Oracle] = {}


def properties_of(settings: OracleSettings) -> Mapping[str, str]:
    """Property to unit, all that an oracle would answer; nothing heavy is loaded."""
    if isinstance(settings, SimulationSettings):
        return answered_properties(settings)
    return settings.properties


def build_oracle(settings: OracleSettings) -> Oracle:
    """Build an oracle, once per process for the same settings.

    Raises:
        UserError: The settings name a calculator, function or file that cannot be used, or people as the oracle.
    """
    key = settings.model_dump_json()
    if key not in _built:
        _built[key] = _build(settings)
    return _built[key]


def _build(settings: OracleSettings) -> Oracle:
    match settings:
        case SimulationSettings():
            from .simulation import SimulationOracle

            return SimulationOracle(settings)
        case TableSettings():
            from .table import TableOracle

            return TableOracle(settings)
        case FunctionSettings():
            from .function import FunctionOracle

            return FunctionOracle(settings)
        case ManualSettings():
            raise UserError("people answer this oracle: athanor suggest says what to try, athanor observe takes it")


def evaluate(settings: OracleSettings, candidate: Candidate) -> Outcome:
    """Evaluate a candidate, as a worker process does; whatever goes wrong with it becomes a failure.

    Raises:
        UserError: The settings cannot be used, for any candidate.
    """
    start = time.process_time()
    try:
        outcome = build_oracle(settings).evaluate(candidate)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad candidate must not end a campaign
        outcome = Outcome(failure=Failure(kind="crash", message=f"{type(error).__name__}: {error}"))
    if outcome.failure:
        # It may hold what others wrote, a whole page, or a file name that is no valid text, which no database keeps.
        short = outcome.failure.model_copy(update={"message": clean(outcome.failure.message, MAX_MESSAGE)})
        outcome = outcome.model_copy(update={"failure": short})
    return outcome.model_copy(update={"cpu_seconds": round(time.process_time() - start, 3)})
