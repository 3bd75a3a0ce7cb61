"""The script of a modest planner: it follows the ranking and claims something now and then, to try the whole path.

Knows the names of the tools it calls, and how a briefing and their answers are worded. Must not know campaigns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

_WANTED = re.compile(r"a batch of (\d+)")
_ID = re.compile(r"^([0-9a-f]{16})\b", re.MULTILINE)
_OBJECTIVE = re.compile(r"^Objective: (.*) \((\w+)\)$", re.MULTILINE)
_STATED = re.compile(r"^h(\d+) \((open)?", re.MULTILINE)
_NUMBER = re.compile(r"(?:proposed: |; )(\w+) (-?\d+\.\d+)(?=;|\n|$)")
_FEW = 4
_RANK, _LOOK, _SUBMIT = "rank_candidates", "look_at_candidate", "submit_batch"
_MOST = 20
"""Candidates that may be ranked at once."""
_REFUSED = "refused"


def obedient(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
    """Rank, look at the first where a claim is due, submit the best; one plain sentence without a batch to submit."""
    asked = [at for at, one in enumerate(messages) if isinstance(one, HumanMessage)]
    # A person may have said something since, or a fault was told: the number stands in the last message that has one.
    found = [(number, str(messages[at].text)) for at in asked for number in _WANTED.findall(str(messages[at].text))]
    n, briefing = (int(found[-1][0]), found[-1][1]) if found else (_FEW, "")
    since = messages[asked[-1] :] if asked else messages
    ranked, seen, refused = (_last(since, name) for name in (_RANK, _LOOK, _SUBMIT))
    if _RANK in tools and ranked is None:
        return _call(_RANK, {"n": max(1, min(n, _MOST))}, len(messages))
    if _SUBMIT in tools and ranked is not None:
        ids = _ID.findall(ranked)[:n]
        is_due = ids and "predicted: " in ranked and "open" not in dict(_STATED.findall(briefing)).values()
        if is_due and _LOOK in tools and seen is None:
            return _call(_LOOK, {"id": ids[0]}, len(messages))
        claim = _claim(briefing, ranked, seen or "") if is_due and not (refused or "").startswith(_REFUSED) else {}
        chosen = [{"id": name, "reason": "the acquisition ranks it high"} for name in ids]
        return _call(_SUBMIT, {"candidates": chosen, "follows_ranking": True} | claim, len(messages))
    return AIMessage("The batch followed the acquisition's ranking; what came back is told above.")


def _claim(briefing: str, ranked: str, seen: str) -> dict[str, Any]:
    """That candidates like the first of the ranking reach what is expected of the least of it; nothing if not told."""
    objective, features = _OBJECTIVE.search(briefing), _NUMBER.findall(seen)
    if objective is None or not features:
        return {}
    wish, name = objective.groups()
    expected = [float(text) for text in re.findall(rf"\b{name.replace('_', ' ')} (-?\d+\.?\d*)", ranked)]
    if not expected:
        return {}
    # Another feature each time; a tenth more than the first has, because its value is told in few digits.
    feature, value = features[max((int(number) for number, _ in _STATED.findall(briefing)), default=0) % len(features)]
    bound = float(value) + 0.1 * abs(float(value))
    is_high = " as high as " in wish
    return {
        "hypothesis": {
            "conditions": [{"feature": feature, "comparison": "<=", "value": float(f"{bound:.3g}")}],
            "property": name,
            "comparison": ">=" if is_high else "<=",
            "value": min(expected) if is_high else max(expected),
            "rationale": "the candidates that the acquisition ranks high are such ones",
        }
    }


def _last(messages: Sequence[BaseMessage], tool: str) -> str | None:
    """What the last call of a tool gave; None where it was not called."""
    calls = {
        call["id"] for one in messages if isinstance(one, AIMessage) for call in one.tool_calls if call["name"] == tool
    }
    told = [str(one.text) for one in messages if isinstance(one, ToolMessage) and one.tool_call_id in calls]
    return told[-1] if told else None


def _call(name: str, arguments: dict[str, Any], turn: int) -> AIMessage:
    call = {"name": name, "args": arguments, "id": f"call-{turn}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])
