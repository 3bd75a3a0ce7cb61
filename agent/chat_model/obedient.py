"""The script of a modest planner: it asks for the ranking and hands it in, so that the whole path can be tried.

Knows the names of the tools it calls. Must not know campaigns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

_WANTED = re.compile(r"a batch of (\d+)")
_ID = re.compile(r"^([0-9a-f]{16})\b", re.MULTILINE)
_FEW = 4
_RANK, _SUBMIT = "rank_candidates", "submit_batch"
_MOST = 20
"""Candidates that may be ranked at once."""


def obedient(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
    """Rank, then submit the best; one plain sentence where there is nothing to submit to."""
    asked = [at for at, one in enumerate(messages) if isinstance(one, HumanMessage)]
    # A person may have said something since, or a fault was told: the number stands in the last message that has one.
    found = [number for at in asked for number in _WANTED.findall(str(messages[at].text))]
    n = int(found[-1]) if found else _FEW
    since = messages[asked[-1] :] if asked else messages
    ranked = _last_ranking(since)
    if _RANK in tools and ranked is None:
        return _call(_RANK, {"n": max(1, min(n, _MOST))}, len(messages))
    if _SUBMIT in tools and ranked is not None:
        chosen = [{"id": name, "reason": "the acquisition ranks it high"} for name in _ID.findall(ranked)[:n]]
        return _call(_SUBMIT, {"candidates": chosen, "follows_ranking": True}, len(messages))
    return AIMessage("The batch followed the acquisition's ranking; what came back is told above.")


def _last_ranking(messages: Sequence[BaseMessage]) -> str | None:
    """What the last call of the ranking gave; None where it was not called."""
    calls = {
        call["id"] for one in messages if isinstance(one, AIMessage) for call in one.tool_calls if call["name"] == _RANK
    }
    told = [str(one.text) for one in messages if isinstance(one, ToolMessage) and one.tool_call_id in calls]
    return told[-1] if told else None


def _call(name: str, arguments: dict[str, Any], turn: int) -> AIMessage:
    call = {"name": name, "args": arguments, "id": f"call-{turn}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])
