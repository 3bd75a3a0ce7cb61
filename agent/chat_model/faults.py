"""Faults of an endpoint, drawn by chance: which request is answered badly, and how.

Knows the shape of chat completions. Must not know HTTP or LangChain.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal, get_args

Fault = Literal[
    "slow",
    "rate_limit",
    "server_error",
    "broken_json",
    "cut_stream",
    "wrong_tool",
    "wrong_arguments",
    "bad_arguments_json",
    "empty",
    "refusal",
    "nonsense",
    "endless",
]
"""See test_server.py for what a client sees of each."""
Done = Fault | Literal["none"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
OF_TOOLS: frozenset[Fault] = frozenset({"wrong_tool", "wrong_arguments", "bad_arguments_json", "nonsense", "endless"})
"""Faults that need tools in the request."""


@dataclass
class Faults:
    """Draws a fault for each request, or none.

    Attributes:
        share: Of requests that are answered badly, 0 to 1.
        seed: Of the draws.
        kinds: Faults that are drawn from, all with the same chance.
    """

    share: float = 0.0
    seed: int = 0
    kinds: tuple[Fault, ...] = FAULTS
    _random: random.Random = field(init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the share and the kinds, and seed the draws."""
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} is not between 0 and 1")
        unknown = [kind for kind in self.kinds if kind not in FAULTS]
        if unknown or not self.kinds:
            raise ValueError(f"kinds {unknown} are no faults; allowed are {', '.join(FAULTS)}")
        self._random = random.Random(self.seed)  # noqa: S311 - nothing is kept secret by it

    def draw(self, has_tools: bool) -> Done:
        """A fault for one request; without tools in the request, one of those that need none, if there is one."""
        fitting = [kind for kind in self.kinds if has_tools or kind not in OF_TOOLS]
        with self._lock:
            is_faulty, at = self._random.random() < self.share, self._random.random()
        return fitting[int(at * len(fitting))] if is_faulty and fitting else "none"


def spoiled(fault: Done, message: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An answer with a fault in what it says; the same answer where the fault is elsewhere.

    Args:
        fault: What to do.
        message: The assistant's message as it would be.
        tools: Of the request.
    """
    blank = {"role": "assistant", "content": None}
    if fault == "empty":
        return blank | {"content": ""}
    if fault == "refusal":
        return blank | {"refusal": "I am sorry, but I cannot help with that."}
    if fault == "nonsense":
        return blank | {"content": "The seven moons agree, and so the lattice sings in B flat."}
    if fault not in ("wrong_tool", "wrong_arguments", "bad_arguments_json"):
        return dict(message)
    made = {"name": tools[0]["function"]["name"], "arguments": "{}"}
    call = {
        "id": "call-faulty",
        "type": "function",
        "function": made,
        **next(iter(message.get("tool_calls") or ()), {}),
    }
    function = dict(call["function"])
    if fault == "wrong_tool":
        function["name"] = "consult_the_oracle_of_delphi"
    elif fault == "wrong_arguments":
        function["arguments"] = json.dumps(_unfit(function["name"], tools))
    else:
        function["arguments"] = '{"candidates": [{"id": '
    return blank | {"tool_calls": [call | {"function": function}]}


def _unfit(name: str, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arguments of which none has the type that the tool's schema wants."""
    schemas = [tool["function"].get("parameters") or {} for tool in tools if tool["function"]["name"] == name]
    wanted = schemas[0].get("properties", {}) if schemas else {}
    unfit = {key: "no list" if schema.get("type") == "array" else [[]] for key, schema in wanted.items()}
    return unfit | {"there_is_no_such_argument": True}
