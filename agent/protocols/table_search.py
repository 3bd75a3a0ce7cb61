"""A chat model as what chooses in a search of a measured pool: a campaign that it plans, one trial at a time.

Knows campaigns, where they are kept, and measured pools. Must not know figures or terminals.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ...memory.state import Trial
from ...memory.volatile import VolatileLedger
from ...tools.backtest.measured_pool import MeasuredPool
from ...tools.backtest.search import Known
from .. import assemble
from ..answers import Answer, failed
from ..campaign import Campaign
from ..campaign_file import parse_campaign
from ..chat_model.settings import ChatModelSettings
from .one_by_one import AUTHOR, without_chat_model


class ChatModelSearch:
    """Chooses as the planner `llm` proposes."""

    def __init__(self, settings: ChatModelSettings, pool: MeasuredPool, seed: int) -> None:
        """Wire a campaign over the pool; its answers are not looked at.

        Args:
            settings: Of the chat model.
            pool: What is searched.
            seed: Of the campaign.
        """
        self._pool, self._told = pool, (assemble.holder(), assemble.versions())
        self._campaign = _campaign(settings, pool, seed)
        self._last: Trial | None = None

    @property
    def instead(self) -> int:
        """Choices that the builtin planner made in place of the chat model."""
        return without_chat_model(self._campaign.state)

    def __call__(self, known: Known) -> int | None:
        """Tell what is new, and have the next point proposed; None for one without a result."""
        fresh = list(known)
        if self._last is not None:
            place = self._places.get(self._last.candidate.id)
            value = dict(known).get(place) if place is not None else None
            self._observe(self._last.number, value)
            fresh = []
        for place, value in fresh:
            self._observe(place, value, is_new=True)
        (self._last,) = self._campaign.suggest(1, *self._told)
        return self._places.get(self._last.candidate.id)

    def _observe(self, about: int, value: float | None, is_new: bool = False) -> None:
        outcome = failed("missing", "no result in the table") if value is None else self._pool.outcome(value)
        answer = Answer(self._pool.candidates[about] if is_new else about, outcome, AUTHOR)
        self._campaign.observe([answer], *self._told)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Id of a candidate to its place in the pool."""
        return {candidate.id: place for place, candidate in enumerate(self._pool.candidates)}


def _campaign(settings: ChatModelSettings, pool: MeasuredPool, seed: int) -> Campaign:
    objective = pool.objective
    content = {
        "name": "search",
        "goal": {
            "statement": f"{objective.direction} {objective.property}",
            "objectives": [objective.model_dump(mode="json")],
            "budget": {"evaluations": len(pool.points) + pool.left_out, "failures_in_a_row": len(pool.points)},
        },
        "space": {"kind": "pool", "file": str(pool.file.resolve()), "variables": dict.fromkeys(pool.inputs, "1")},
        "oracle": {"kind": "manual", "properties": {objective.property: objective.unit}},
        "planner": "llm",
        "chat_model": settings.model_dump(mode="json"),
        "seed": seed,
        "batch": 1,
        "memory": False,
    }
    return assemble.wire(parse_campaign(content, "benchmark"), VolatileLedger())
