"""A campaign file as a chat model drafts it: typed, checked whole, and shown to the person as YAML.

Knows the campaign file and what oracles answer. Must not know chat models or how a campaign is started.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field

from ...memory.errors import RetryError, TerminalError
from ...memory.foreign import clean
from ...tools.oracles.oracle import SimulationSettings, answered_properties
from ..campaign_file import CampaignFile, parse_campaign
from ..labels import counted, wording
from ..llm.submission import Asked
from ..spending import prices_of
from .settings_draft import SettingsAsked, of_settings

if TYPE_CHECKING:
    from ..chat_model.settings import ChatModelSettings

_ANSWERED = ", ".join(
    f"{name} ({unit})" for name, unit in answered_properties(SimulationSettings(predictor="shipped")).items()
)
Potential = Literal["sevennet", "chgnet", "sevennet-l3i5"]


class ObjectiveAsked(Asked):
    """One property that is wanted high, low, or near a value."""

    property: str = Field(description=f"Of a simulation: {_ANSWERED}. Of settings or a table: one of theirs.")
    direction: Literal["maximise", "minimise", "target"]
    unit: str = Field(description="As the oracle gives it.")
    target: float | None = Field(default=None, description="With direction target: the value, in that unit.")
    tolerance: float | None = Field(default=None, gt=0, description="With direction target: how far off is a hit.")


class ConstraintAsked(Asked):
    """A bound that a hit must keep."""

    property: str
    comparison: Literal["<=", ">="]
    value: float = Field(description="In the unit.")
    unit: str


class CrystalsAsked(Asked):
    """Crystals, simulated with an interatomic potential."""

    elements: list[str] = Field(
        min_length=1, description="Symbols that may occur; leave out what the person rules out."
    )
    required: list[str] = Field(default_factory=list, description="At least one of these must occur; empty for none.")
    fewest_elements: int = Field(default=1, ge=1, description="Different elements in a crystal, at least.")
    most_elements: int = Field(default=4, ge=1, description="Different elements in a crystal, at most.")
    max_atoms: int = Field(default=12, ge=1, le=100, description="In the primitive cell.")
    potential: Potential = "sevennet"
    confirm_with: Potential | None = Field(default=None, description="A second potential that looks at the best hits.")
    with_predictor: bool = Field(default=False, description="Whether band gap and the like are predicted, too.")


class TableAsked(Asked):
    """Settings from the rows of a CSV file, whose other columns are the answers."""

    file: str = Field(description="As the person has named it.")
    variables: Annotated[
        dict[str, str], Field(min_length=1, description="Columns that vary, name to unit; 1 for none.")
    ]
    properties: Annotated[dict[str, str], Field(min_length=1, description="Columns that are answers, name to unit.")]


class DraftAsked(Asked):
    """A whole campaign: goal, what may vary, what answers, budget. Give one of crystals, settings and table."""

    name: str = Field(description="Short: letters, digits, - and _.")
    statement: str = Field(max_length=400, description="The wish in one sentence.")
    objectives: list[ObjectiveAsked] = Field(min_length=1)
    constraints: list[ConstraintAsked] = Field(default_factory=list)
    evaluations: int = Field(ge=1, description="How many trials may be evaluated.")
    hours: float | None = Field(default=None, gt=0, description="On the clock; none for no limit.")
    crystals: CrystalsAsked | None = None
    settings: SettingsAsked | None = None
    table: TableAsked | None = None
    planner: Literal["builtin", "llm", "random"] = Field(
        default="builtin", description="llm: a chat model chooses too, which costs tokens. random: only to compare."
    )
    batch: int = Field(default=4, ge=1, le=100, description="Trials proposed together.")
    workers: int = Field(default=2, ge=1, le=64, description="Processes that evaluate.")


def drafted(asked: DraftAsked, taken: Collection[str], chat_model: ChatModelSettings | None) -> CampaignFile:
    """The campaign file of a draft.

    Args:
        asked: As the chat model hands it in.
        taken: Names of campaigns that are there; a name among them gets a number.
        chat_model: Of this chat, for a campaign whose planner is `llm`.

    Raises:
        RetryError: Not one of crystals, settings and table is given, but none or several, or the table cannot be found.
        UserError: A part is wrong; one line each, with what is allowed.
    """
    if sum(part is not None for part in (asked.crystals, asked.settings, asked.table)) != 1:
        raise RetryError("give one of crystals, settings and table")
    content: dict[str, Any] = {
        "name": _free(asked.name, taken),
        "goal": {
            "statement": clean(asked.statement, 400),
            "objectives": [one.model_dump(exclude_none=True) for one in asked.objectives],
            "constraints": [one.model_dump() for one in asked.constraints],
            "budget": {"evaluations": asked.evaluations} | ({"hours": asked.hours} if asked.hours else {}),
        },
        **(_of_crystals(asked.crystals) if asked.crystals else {}),
        **(of_settings(asked.settings) if asked.settings else {}),
        **(_of_table(asked.table) if asked.table else {}),
        "planner": asked.planner,
        "batch": asked.batch,
        "workers": asked.workers,
    }
    if asked.planner == "llm" and chat_model:
        content["chat_model"] = chat_model.model_dump(mode="json", exclude_none=True)
    return parse_campaign(content, "the draft")


def yaml_of(file: CampaignFile) -> str:
    """A campaign file as text that can be read again; what is empty is left out."""
    return str(yaml.safe_dump(_full(file.model_dump(mode="json")), sort_keys=False, allow_unicode=True, width=100))


def write_yaml(file: CampaignFile, folder: Path) -> Path:
    """Write a campaign file into a folder.

    Raises:
        TerminalError: It cannot be written.
    """
    path = folder / "campaign.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml_of(file), encoding="utf-8")
    except OSError as error:
        raise TerminalError(f"the campaign file cannot be written to {path}: {error.strerror or error}") from error
    return path


def price_in_words(file: CampaignFile) -> str:
    """What a campaign may spend: `40 evaluations at sevennet, 2 h, 2 worker processes`."""
    budget, prices = file.goal.budget, prices_of(file.space)
    settings = file.oracle
    cost = f", a cost of {prices.amount(f'{budget.cost:g}')}" if prices and budget.cost else ""
    if settings.kind == "manual":
        return f"at most {counted(budget.evaluations, 'evaluation')} by people{cost}"
    where = settings.calculator if settings.kind == "simulation" else settings.kind
    hours = f", {budget.hours:g} h" if budget.hours else ""
    asked = "; a chat model plans, which costs tokens" if file.planner == "llm" else ""
    processes = counted(file.workers, "worker process", "worker processes")
    return f"at most {counted(budget.evaluations, 'evaluation')} ({wording(where)}){cost}{hours}, {processes}{asked}"


def _of_crystals(asked: CrystalsAsked) -> dict[str, Any]:
    space = {
        "kind": "crystal",
        "elements": asked.elements,
        "required": asked.required,
        "n_elements": [asked.fewest_elements, asked.most_elements],
        "max_atoms": asked.max_atoms,
    }
    oracle: dict[str, Any] = {"kind": "simulation", "calculator": asked.potential}
    if asked.with_predictor:
        oracle["predictor"] = "shipped"
    confirmed = {"confirmation": {"calculator": asked.confirm_with}} if asked.confirm_with else {}
    return {"space": space, "oracle": oracle, **confirmed}


def _of_table(asked: TableAsked) -> dict[str, Any]:
    file = Path(asked.file).expanduser().absolute()
    if not file.is_file():
        raise RetryError(f"there is no file {clean(asked.file, 200)}; ask the person where it lies")
    return {
        "space": {"kind": "pool", "file": str(file), "variables": asked.variables},
        "oracle": {"kind": "table", "file": str(file), "properties": asked.properties},
    }


def _free(name: str, taken: Collection[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _full(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _full(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, [], {})}
    return [_full(one) for one in value] if isinstance(value, list) else value
