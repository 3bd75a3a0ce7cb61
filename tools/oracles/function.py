"""The function oracle: any Python function of a candidate's content.

Knows how to import a function and how to take its answer apart. Must not know what it computes.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping

from ...memory.errors import UserError
from ...memory.records import Candidate, Failure, Measurement, Outcome
from .oracle import FunctionSettings


class FunctionOracle:
    """Answers a candidate with what the function returns."""

    def __init__(self, settings: FunctionSettings) -> None:
        """Import the function.

        Raises:
            UserError: There is no such module or function.
        """
        module, _, name = settings.function.partition(":")
        try:
            self._function = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UserError(f"function {settings.function!r} cannot be loaded: {error}") from error
        if not callable(self._function):
            raise UserError(f"function {settings.function!r} is a {type(self._function).__name__}, not a function")
        self.name = f"function {settings.function}"
        self.properties: Mapping[str, str] = settings.properties
        self._traces = settings.traces
        self._arguments = settings.arguments

    def evaluate(self, candidate: Candidate) -> Outcome:
        """Call the function; a missing or non-finite value, an unusable trace, or an exception, is a failure."""
        try:
            answer = self._function(candidate.content, **self._arguments)
            given = {name: answer[name] for name in self.properties if name in answer}
            values = {name: float(value) for name, value in given.items() if name not in self._traces}
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises belongs in the record
            return Outcome(failure=Failure(kind="crash", message=f"{self.name}: {type(error).__name__}: {error}"))
        absent = [name for name in self.properties if name not in given]
        if absent:
            return Outcome(failure=Failure(kind="missing", message=f"{self.name} gave no {', '.join(absent)}"))
        broken = [f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)]
        if broken:
            return Outcome(failure=Failure(kind="not_a_number", message=f"{self.name}: {', '.join(broken)}"))
        measurements = tuple(
            Measurement(property=name, value=value, unit=self.properties[name], method="simulated", source=self.name)
            for name, value in values.items()
        )
        if not self._traces:
            return Outcome(measurements=measurements)
        from .traces import as_trace, outcome_of

        try:
            traces = {name: as_trace(given[name], f"{self.name}, {name}") for name in self._traces}
        except UserError as error:
            return Outcome(failure=Failure(kind="unreadable", message=str(error)))
        return outcome_of(traces, self._traces, self.properties, "simulated", self.name, measurements)
