"""The oracle's contract, and the settings by which a campaign file names one.

Knows the records. Must not know budgets or ledgers: an oracle answers one candidate at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue, model_validator

from ...memory.errors import UserError
from ...memory.records import Candidate, Outcome, Record
from ..properties.predicted import PREDICTED, Chosen

Replicates = Literal["averaged", "drawn"]


class Oracle(Protocol):
    """What answers a trial, and costs something.

    Attributes:
        name: As written beside every measurement (`sevennet`).
        properties: Property to unit, all that it can answer.
    """

    name: str
    properties: Mapping[str, str]

    def evaluate(self, candidate: Candidate) -> Outcome:
        """Answer a candidate; a failure is an outcome, never an exception."""
        ...


class SimulationSettings(Record):
    """Relax a crystal with an interatomic potential and compute properties of the relaxed cell.

    Attributes:
        calculator: `chgnet`, `sevennet`, `sevennet-l3i5`, or `module:factory` for any ASE calculator.
        references: JSON file of elemental reference energies (symbol to eV/atom) for a calculator of
            one's own; without it formation energy and energy above hull are not available.
        bulk_modulus: Whether to fit an equation of state after relaxing.
        predictor: `shipped`, or a file of weights: a predictor that looks at the relaxed crystal and adds what the
            potential cannot say (band gap, solar efficiency limit), as predicted; without it nothing is added.
        fmax: Largest force component left, eV/Å.
        max_steps: Steps after which a relaxation counts as unconverged.
        max_cpu_seconds: Processor time after which an evaluation counts as timed out.
    """

    kind: Literal["simulation"] = "simulation"
    calculator: str = "sevennet"
    references: Path | None = None
    bulk_modulus: bool = True
    predictor: Chosen | None = None
    fmax: Annotated[float, Field(gt=0)] = 0.05
    max_steps: Annotated[int, Field(ge=1)] = 150
    max_cpu_seconds: Annotated[float, Field(gt=0)] = 120.0


class TraceSettings(Record):
    """A property that comes as a raw trace, from which `solve` infers it.

    Attributes:
        problem: A registered problem, or a problem file.
        infer: The unknown number that is the property; None for the one of the property's name.
        known: Parameters that are the same for all samples, as `{pulse: 1 ms}`. What is known of a single sample, such
            as its thickness, comes with its trace and goes before.
        largest_deviation: Relative standard deviation above which a trace does not tell the property.
    """

    problem: str
    infer: str | None = None
    known: dict[str, str] = {}
    largest_deviation: Annotated[float, Field(gt=0, le=1)] = 0.3


class TableSettings(Record):
    """Look results up in a CSV file; the row is found by the values of the varying columns.

    Attributes:
        properties: Columns that are answered, name to unit.
        replicates: Of rows with equal values the mean is answered, or one that is drawn, as a single experiment would.
        seed: Decides which one is drawn; the same setting always has the same answer.
    """

    kind: Literal["table"] = "table"
    file: Path
    properties: Annotated[dict[str, str], Field(min_length=1)]
    replicates: Replicates = "averaged"
    seed: Annotated[int, Field(ge=0)] = 0


class FunctionSettings(Record):
    """Call a Python function with a candidate's content.

    Attributes:
        function: `module:name`; takes a Crystal or a Point and the arguments, returns property to value, or to a trace:
            `{columns: {"t [ms]": [...], "temperature [K]": [...]}, known: {thickness: 1.02 mm}}`, or the path of a CSV.
        properties: What it answers, name to unit.
        traces: Properties for which it returns traces.
        arguments: Keyword arguments handed to the function.
    """

    kind: Literal["function"] = "function"
    function: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    properties: Annotated[dict[str, str], Field(min_length=1)]
    traces: dict[str, TraceSettings] = {}
    arguments: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _traces_fit(self) -> FunctionSettings:
        _check_traces(self.traces, self.properties)
        return self


class ManualSettings(Record):
    """Ask people: candidates are suggested to them, and they say what they have measured.

    Attributes:
        properties: What they measure, name to unit.
        traces: Properties for which they hand in traces.
    """

    kind: Literal["manual"] = "manual"
    properties: Annotated[dict[str, str], Field(min_length=1)]
    traces: dict[str, TraceSettings] = {}

    @model_validator(mode="after")
    def _traces_fit(self) -> ManualSettings:
        _check_traces(self.traces, self.properties)
        return self


def _check_traces(traces: Mapping[str, TraceSettings], properties: Mapping[str, str]) -> None:
    """Refuse what cannot be inferred before anything is spent.

    Raises:
        ValueError: A trace is of no property, or its problem cannot be read or does not give it in this unit.
    """
    if not traces:
        return
    from .traces import problem_of

    for name, settings in traces.items():
        if name not in properties:
            raise ValueError(f"traces: {name!r} is none of the properties {', '.join(properties)}")
        try:
            problem_of(name, properties[name], settings)
        except UserError as error:
            raise ValueError(str(error)) from error


OracleSettings = Annotated[
    SimulationSettings | TableSettings | FunctionSettings | ManualSettings, Field(discriminator="kind")
]


def answered_properties(settings: SimulationSettings) -> Mapping[str, str]:
    """Property to unit that a simulation answers, those last that its predictor adds.

    A calculator of one's own has energies on a scale of its own: formation energy and energy above hull need its
    elemental references.
    """
    properties = {"density": "g/cm3", "volume_per_atom": "Å3/atom"}
    if settings.references is not None or ":" not in settings.calculator:
        properties = {"formation_energy": "eV/atom", "energy_above_hull": "eV/atom"} | properties
    if settings.bulk_modulus:
        properties = properties | {"bulk_modulus": "GPa"}
    return {**properties, **PREDICTED} if settings.predictor is not None else properties
