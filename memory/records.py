"""The nouns of the project: frozen records that validate themselves and round-trip through JSON.

Knows pydantic. Must not know torch, databases, or how any of these records comes about.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

MOST_ROWS = 20_000
"""Of a trace."""
Vector = tuple[float, float, float]
Direction = Literal["maximise", "minimise", "target"]
Comparison = Literal["<=", ">="]
Method = Literal["measured", "simulated", "predicted"]
Status = Literal["proposed", "approved", "staged", "completed", "failed", "abandoned"]
Verdict = Literal["open", "supported", "refuted", "inconclusive"]


class Record(BaseModel):
    """Base of all records: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Objective(Record):
    """One property that is wanted high, low, or near a value.

    Attributes:
        target: The value that is wanted, where the direction is `target`.
        tolerance: How far from the target a value may be and still be a hit; in the same unit.
    """

    property: str
    direction: Direction
    unit: str
    target: float | None = None
    tolerance: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _target_is_whole(self) -> Objective:
        given = [name for name in ("target", "tolerance") if getattr(self, name) is not None]
        if self.direction == "target" and len(given) < 2:
            raise ValueError("direction target needs a target and a tolerance")
        if self.direction != "target" and given:
            raise ValueError(f"{' and '.join(given)} goes with direction target; this one is to {self.direction}")
        return self

    def amount(self, value: float) -> float:
        """What is to be raised or lowered: the value, or its distance from the target."""
        return value if self.target is None else abs(value - self.target)

    def is_met(self, value: float) -> bool:
        """Whether a value is near enough to the target; any value where there is none."""
        return self.tolerance is None or self.amount(value) <= self.tolerance


class Constraint(Record):
    """A bound on a property that a hit must keep."""

    property: str
    comparison: Comparison
    value: float
    unit: str

    def holds(self, value: float) -> bool:
        """Whether a measured value keeps the bound."""
        return value <= self.value if self.comparison == "<=" else value >= self.value


class Budget(Record):
    """What a campaign may spend.

    Attributes:
        evaluations: Trials that may be given to the oracle, failed ones counted.
        hours: Wall-clock hours, summed over all runs of the campaign; None for no limit.
        cost: What the evaluations may cost together, in the unit of the space's costs; the last one may go beyond it.
            None for no limit.
        failures_in_a_row: Trials that may fail one after another before the campaign stops.
        chat_calls: Questions to the chat model; None for no limit, as with the next two. Where one of the three is used
            up, the campaign goes on without the chat model.
        chat_tokens: Tokens of all questions and answers.
        chat_usd: What they cost in US dollars, by the chat model's prices.
    """

    evaluations: Annotated[int, Field(ge=1)]
    hours: Annotated[float, Field(gt=0)] | None = None
    cost: Annotated[float, Field(gt=0)] | None = None
    failures_in_a_row: Annotated[int, Field(ge=1)] = 10
    chat_calls: Annotated[int, Field(ge=1)] | None = None
    chat_tokens: Annotated[int, Field(ge=1)] | None = None
    chat_usd: Annotated[float, Field(gt=0)] | None = None


class Goal(Record):
    """What a campaign is for.

    Attributes:
        counts_at: Variable to the label that a point must have so that its results count; of other points they teach,
            and are no hits. A space with a variable of kind fidelity sets it.
    """

    statement: str
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    constraints: tuple[Constraint, ...] = ()
    budget: Budget
    counts_at: dict[str, str] = {}

    def counts(self, content: Crystal | Point) -> bool:
        """Whether results of a candidate count."""
        return isinstance(content, Crystal) or all(content.values.get(n) == v for n, v in self.counts_at.items())


class Crystal(Record):
    """A periodic arrangement of atoms, fully ordered.

    Attributes:
        lattice: Lattice vectors as rows, `(3, 3)` in Å.
        species: Chemical symbols, `(n_atoms,)`.
        coordinates: Fractional coordinates, `(n_atoms, 3)`.
    """

    lattice: tuple[Vector, Vector, Vector]
    species: Annotated[tuple[str, ...], Field(min_length=1)]
    coordinates: tuple[Vector, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Crystal:
        if len(self.species) != len(self.coordinates):
            raise ValueError(f"{len(self.species)} species but {len(self.coordinates)} coordinates")
        return self


class Point(Record):
    """One setting of named variables."""

    values: dict[str, float | str]


class Provenance(Record):
    """Where a candidate comes from.

    Attributes:
        tool: Tool and generator, `generate/substitute` for example.
        parents: Candidate ids or names of prototypes it was made from.
        seed: Seed of the random numbers used.
        version: Version of the model or package that made it.
        note: What was done, in words (`Ti→Zr in perovskite`).
    """

    tool: str
    parents: tuple[str, ...] = ()
    seed: int = 0
    version: str = ""
    note: str = ""


class Candidate(Record):
    """One point of the space, with its provenance. Equal content has an equal id."""

    content: Crystal | Point
    provenance: Provenance

    @cached_property
    def id(self) -> str:
        """Content hash, 16 hexadecimal digits; provenance does not enter."""
        return content_hash(self.content)


class Measurement(Record):
    """A value of a property with its unit and where it comes from.

    Attributes:
        deviation: Standard deviation in the same unit; None where the source states none.
        source: Oracle, model and version.
    """

    property: str
    value: float
    deviation: Annotated[float, Field(ge=0)] | None = None
    unit: str
    method: Method
    source: str


FailureKind = Literal[
    "unsupported_element",
    "size",
    "overlap",
    "volume",
    "isolated_atoms",
    "unconverged",
    "exploded",
    "collapsed",
    "not_a_number",
    "poor_fit",
    "missing",
    "crash",
    "timeout",
    "infeasible",
    "fault",
    "unreadable",
    "unidentified",
]
"""`infeasible`: what was asked for cannot be made. `fault`: the instrument failed; the same may work another time.
`unreadable`: a trace that is not what was asked for. `unidentified`: a trace that does not tell the property."""


class Failure(Record):
    """Why a trial gave no result."""

    kind: FailureKind
    message: str


class Trace(Record):
    """The raw record of an instrument, as it came: what a property was inferred from, and can be inferred from again.

    Attributes:
        columns: Heading, with its unit as in `t [ms]`, to values, each `(n_rows,)`.
        known: What was known of this one sample: name to quantity, `{"thickness": "1.02 mm"}`.
    """

    columns: Annotated[dict[str, tuple[float, ...]], Field(min_length=2)]
    known: dict[str, str] = {}

    @model_validator(mode="after")
    def _fit_to_keep(self) -> Trace:
        lengths = {heading: len(values) for heading, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of a trace differ in length: {lengths}")
        n = next(iter(lengths.values()))
        if not 1 <= n <= MOST_ROWS:
            raise ValueError(f"a trace of {n} rows; 1 to {MOST_ROWS} are allowed: average neighbouring readings")
        return self

    @cached_property
    def id(self) -> str:
        """Content hash, 16 hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Outcome(Record):
    """What an oracle returns for a candidate: measurements, or a failure.

    Attributes:
        traces: Property to the raw trace it was inferred from.
        crystal: The structure the measurements belong to (relaxed), if the oracle changes it.
        details: Diagnostics to keep: quality of a fit, number of steps, what it was compared with.
        cpu_seconds: Processor time spent.
    """

    measurements: tuple[Measurement, ...] = ()
    failure: Failure | None = None
    traces: dict[str, Trace] = {}
    crystal: Crystal | None = None
    details: dict[str, JsonValue] = {}
    cpu_seconds: float = 0.0

    @model_validator(mode="after")
    def _one_of_both(self) -> Outcome:
        if (self.failure is None) == (not self.measurements):
            raise ValueError("an outcome holds measurements or a failure, one of the two")
        return self


class Origin(Record):
    """The trial of an earlier campaign that a result was taken over from."""

    campaign: str
    trial: int


class Condition(Record):
    """One test on a feature of a candidate, such as `volume_per_atom <= 6` or `elements any_of (B, C)`."""

    feature: str
    comparison: Literal["<=", ">=", "any_of"]
    value: float | tuple[str, ...]


class Prediction(Record):
    """What a hypothesis says will be seen: most candidates that meet the conditions pass the bound."""

    conditions: tuple[Condition, ...]
    property: str
    comparison: Comparison
    value: float
    unit: str


class Hypothesis(Record):
    """A claim that can fail.

    Attributes:
        id: `h1`, `h2`, … within its campaign.
        evidence: Numbers of the trials that suggested it; they do not count when it is judged.
        since: Number of the first trial that may count when it is judged: one above the last trial known
            when it was stated.
    """

    id: str
    statement: str
    rationale: str
    prediction: Prediction
    evidence: tuple[int, ...] = ()
    since: Annotated[int, Field(ge=1)] = 1


class Judgement(Record):
    """The verdict on a hypothesis with the statistic behind it.

    Attributes:
        statistic: Name and value of the statistic, in words.
        passed: Trials stated after the hypothesis that meet its conditions and pass its bound.
        failed: Trials likewise that do not pass.
    """

    hypothesis: str
    verdict: Verdict
    statistic: str
    passed: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


def content_hash(content: Crystal | Point) -> str:
    """Hash a candidate's content: 16 hexadecimal digits, the same on every machine.

    Numbers are rounded, those of a crystal to 6 decimals and those of a point to 12 significant digits (a variable
    may be tiny), so that a round trip through text does not change the id.
    """

    def rounded(value: JsonValue) -> JsonValue:
        if isinstance(value, float):
            return (round(value, 6) if isinstance(content, Crystal) else float(f"{value:.12g}")) + 0.0
        if isinstance(value, list):
            return [rounded(item) for item in value]
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return value

    text = json.dumps(rounded(content.model_dump(mode="json")), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
