"""The campaign file: what a person writes, validated whole before anything is spent.

Knows pydantic, YAML and the settings of spaces and oracles. Must not know how a campaign runs.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from ..memory.errors import UserError
from ..memory.records import Constraint, Goal, Objective, Record
from ..tools.oracles.build import properties_of
from ..tools.oracles.oracle import OracleSettings, SimulationSettings
from ..tools.parameters.parameter_space import ParameterSpace
from ..tools.parameters.variables import Variable
from ..tools.space import CrystalSpace, PoolSpace, Space, units_of
from .chat_model.settings import ChatModelSettings
from .spending import prices_of

PlannerName = Literal["builtin", "llm", "random"]


class Confirmation(Record):
    """A second, better potential that looks at the best hits when the search has ended."""

    calculator: str
    hits: Annotated[int, Field(ge=1)] = 3


class Learning(Record):
    """How a search over process parameters learns.

    Attributes:
        outliers: Whether single results may be outliers; those that the others make unlikely then teach nothing.
        earlier: Campaigns of the same home on the same variables, which are learnt from as far as they help: as they
            were when this one began.
    """

    outliers: bool = False
    earlier: tuple[str, ...] = ()


class CampaignFile(Record):
    """A whole campaign.

    Attributes:
        name: Letters, digits, `-` and `_`; names the campaign's folder.
        batch: Trials proposed together.
        workers: Processes that evaluate.
        stop_when_settled: Whether the search ends where what may still be gained is less than the noise that measured
            values state; simulations state none, and go on.
        memory: Whether results, claims and notes of the home's other campaigns are used.
        chat_model: Of the planner `llm`; None for what the environment names.
        learning: Goes with a space of kind parameters.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    goal: Goal
    space: Space
    oracle: OracleSettings
    confirmation: Confirmation | None = None
    planner: PlannerName = "builtin"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    batch: Annotated[int, Field(ge=1, le=1000)] = 4
    workers: Annotated[int, Field(ge=1, le=1024)] = 2
    stop_when_settled: bool = True
    memory: bool = True
    chat_model: ChatModelSettings | None = None
    learning: Learning | None = None

    @model_validator(mode="after")
    def _results_count_at_the_highest_fidelity(self) -> CampaignFile:
        fidelity = self.space.fidelity if isinstance(self.space, ParameterSpace) else None
        wanted = {fidelity.name: fidelity.labels[-1]} if fidelity else {}
        if self.goal.counts_at not in ({}, wanted):
            raise ValueError(
                f"goal.counts_at is set by the space's variable of kind fidelity: {wanted or 'there is none'}"
            )
        # Whoever reads the goal alone must not take a cheap answer for a result.
        object.__setattr__(self, "goal", self.goal.model_copy(update={"counts_at": wanted}))
        return self

    @model_validator(mode="after")
    def _costs_are_stated(self) -> CampaignFile:
        if self.goal.budget.cost is not None and prices_of(self.space) is None:
            raise ValueError(
                "goal.budget.cost is allowed where the space states what evaluations cost: its key cost, or a variable "
                "of kind fidelity"
            )
        return self

    @model_validator(mode="after")
    def _oracle_answers_the_goal(self) -> CampaignFile:
        offered = properties_of(self.oracle)
        wanted: list[Objective | Constraint] = [*self.goal.objectives, *self.goal.constraints]
        for wish in wanted:
            if wish.property not in offered:
                raise ValueError(
                    f"the oracle does not give {wish.property!r}; it gives {', '.join(offered) or 'nothing'}"
                )
            if wish.unit != offered[wish.property]:
                raise ValueError(
                    f"{wish.property} is asked for in {wish.unit!r}, but the oracle gives it in "
                    f"{offered[wish.property]!r}; write that unit and convert the bound"
                )
        named = [objective.property for objective in self.goal.objectives]
        if len(set(named)) < len(named):
            raise ValueError(f"objectives name a property twice: {', '.join(named)}")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> CampaignFile:
        if self.oracle.kind == "simulation" and not isinstance(self.space, CrystalSpace):
            raise ValueError(
                "a simulation needs a space of kind crystal; settings go with a table, a function or people (manual)"
            )
        if self.oracle.kind == "table" and not isinstance(self.space, PoolSpace):
            if not isinstance(self.space, ParameterSpace):
                raise ValueError("a table oracle needs a space of kind pool, or of kind parameters with a pool")
            if self.space.pool is None:
                raise ValueError(
                    "a table answers only for the settings in its rows; give the space the key pool: "
                    f"{self.oracle.file.name}, so that no others are tried"
                )
        if self.learning and not isinstance(self.space, ParameterSpace):
            raise ValueError(
                f"learning goes with a space of kind parameters only, and the space is a {self.space.kind}"
            )
        if self.learning and self.name in self.learning.earlier:
            raise ValueError(f"learning: earlier names {self.name}, which is this campaign")
        both = sorted(set(units_of(self.space)) & set(properties_of(self.oracle)))
        if both:
            raise ValueError(f"{', '.join(both)}: both a variable of the space and what the oracle answers")
        if self.confirmation and self.oracle.kind != "simulation":
            raise ValueError("confirmation goes with an oracle of kind simulation only")
        if self.chat_model and self.planner != "llm":
            raise ValueError(f"chat_model goes with the planner llm only, and the planner is {self.planner}")
        if self.confirmation and self.confirmation.calculator == getattr(self.oracle, "calculator", None):
            raise ValueError("confirmation names the oracle's own calculator; another one is needed")
        return self

    @property
    def confirming_oracle(self) -> SimulationSettings | None:
        """Settings of the oracle that confirms hits: those of the campaign's, with the other potential."""
        if self.confirmation is None or not isinstance(self.oracle, SimulationSettings):
            return None
        return self.oracle.model_copy(update={"calculator": self.confirmation.calculator, "references": None})


def read_campaign_file(path: Path) -> CampaignFile:
    """Read and validate a campaign file.

    Paths in it are relative to the file's own folder.

    Raises:
        UserError: The file cannot be read, is not YAML, or a field is wrong; names the field's path and
            what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"campaign file {path} cannot be read: {error}") from error
    try:
        content = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - derived from the safe loader
    except yaml.YAMLError as error:
        raise UserError(f"campaign file {path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"campaign file {path} holds no fields; name, goal, space and oracle are needed")
    return parse_campaign(_with_absolute_paths(content, path.resolve().parent), str(path))


def parse_campaign(content: Mapping[str, Any], source: str) -> CampaignFile:
    """Validate the content of a campaign file strictly: nothing is converted, nothing ignored.

    Args:
        content: The file as a mapping.
        source: What to call it in messages.

    Raises:
        UserError: One line a wrong field.
    """
    try:
        return CampaignFile.model_validate_json(json.dumps(content), strict=True)
    except TypeError as error:
        raise UserError(f"{source}: {error}; write dates and other special values as text in quotes") from error
    except ValidationError as error:
        problems: list[dict[str, Any]] = [dict(problem) for problem in error.errors(include_url=False)]
        # A list whose items are wrong also counts as too short, which says nothing new.
        within = {tuple(problem["loc"][:n]) for problem in problems for n in range(len(problem["loc"]))}
        lines = [_explain(one) for one in problems if not (one["type"] == "too_short" and one["loc"] in within)]
        raise UserError("\n".join([f"{source} is not a valid campaign:", *lines])) from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, but a key given twice is an error: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_PATHS = ("file", "references", "seeds", "predictor", "pool")


def _with_absolute_paths(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    def absolute(value: Any) -> Any:
        if isinstance(value, list):
            return [absolute(item) for item in value]
        return str(folder / value) if isinstance(value, str) else value

    resolved = dict(content)
    for part in ("space", "oracle"):
        if isinstance(resolved.get(part), dict):
            resolved[part] = {
                key: absolute(value) if key in _PATHS and value != "shipped" else value
                for key, value in resolved[part].items()
            }
    oracle = resolved.get("oracle")
    if isinstance(oracle, dict) and isinstance(oracle.get("traces"), dict):
        traces = {name: _with_absolute_problem(one, folder) for name, one in oracle["traces"].items()}
        resolved["oracle"] = {**oracle, "traces": traces}
    return resolved


def _with_absolute_problem(settings: Any, folder: Path) -> Any:
    """A trace's settings whose problem, where it is a file, is named by its whole path; others have no ending."""
    problem = settings.get("problem") if isinstance(settings, dict) else None
    return {**settings, "problem": str(folder / problem)} if isinstance(problem, str) and "." in problem else settings


def _explain(problem: dict[str, Any]) -> str:
    location = problem["loc"]
    where = ".".join(str(part) for part in _without_tags(location)) or "campaign"
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1])
        return f"  {where}: unknown key; allowed here: {', '.join(allowed)}"
    if problem["type"] == "missing":
        return f"  {where}: missing"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"  {where}: {message}"
    given = json.dumps(problem["input"], default=str)
    return f"  {where}: {given if len(given) <= 60 else given[:57] + '...'} is not allowed; {message}"


def _without_tags(location: tuple[str | int, ...]) -> list[str | int]:
    """A location without the tags by which pydantic marks the member of a union: behind `space`, or a number."""
    return [
        part
        for index, part in enumerate(location)
        if not (part in _TAGS and (index == 1 or (index > 1 and isinstance(location[index - 1], int))))
    ]


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    """Fields allowed at a location, found by walking the models."""
    model: type[BaseModel] = CampaignFile
    for part in location:
        if isinstance(part, int):
            continue
        found = _models_in(model.model_fields[part].annotation) if part in model.model_fields else []
        if len(found) == 1:
            model = found[0]
        elif part in _TAGS:
            model = next(m for m in _UNION_MEMBERS if m.model_fields["kind"].default == part)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]


_UNION_MEMBERS = [*_models_in(Space), *_models_in(OracleSettings), *_models_in(Variable)]
_TAGS = {model.model_fields["kind"].default for model in _UNION_MEMBERS}
