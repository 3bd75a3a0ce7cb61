"""Formulas that people write into files, as torch functions; nothing but arithmetic and a few functions is understood.

Knows Python's grammar of expressions. Must not know problems.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...memory.errors import UserError

if TYPE_CHECKING:
    import torch

_FUNCTIONS = (
    "sin",
    "cos",
    "tan",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "sinh",
    "cosh",
    "abs",
    "erf",
    "erfc",
    "sigmoid",
    "step",
)
"""`step` is 0 below zero and 1 from there on; the others are torch's own."""
_LONGEST = 500


@dataclass(frozen=True)
class Formula:
    """A checked formula.

    Attributes:
        text: As it was written.
        names: Names that it reads.
    """

    text: str
    names: frozenset[str]

    def __call__(self, values: Mapping[str, Any]) -> torch.Tensor:
        """Evaluate with tensors by name, `(n_points,)`."""
        return _value(ast.parse(self.text, mode="eval").body, values)


def parse_formula(text: str, allowed: set[str], where: str) -> Formula:
    """Check a formula.

    Raises:
        UserError: It cannot be read, or names something that is not allowed there.
    """
    if len(text) > _LONGEST:
        raise UserError(f"{where}: a formula of {len(text)} characters; {_LONGEST} at most are allowed")
    try:
        body = ast.parse(text, mode="eval").body
        names = frozenset(_names(body))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UserError(
            f"{where}: {text!r} is no formula ({error}); + - * / **, numbers, pi, {', '.join(_FUNCTIONS)} are allowed"
        ) from error
    if unknown := names - allowed - {"pi"}:
        raise UserError(
            f"{where}: {text!r} names {', '.join(sorted(unknown))}; {', '.join(sorted(allowed))} are allowed"
        )
    return Formula(text, names)


def _names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not math.isfinite(node.value):
            raise ValueError(f"{node.value!r} is no number")
        return set()
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _names(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _names(node.left) | _names(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if len(node.args) != 1 or node.keywords:
            raise ValueError(f"{node.func.id} takes one argument")
        return _names(node.args[0])
    raise ValueError(f"{ast.unparse(node)!r} is not understood")


_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


def _value(node: ast.expr, values: Mapping[str, Any]) -> torch.Tensor:
    import torch

    if isinstance(node, ast.Constant):
        return torch.tensor(node.value, dtype=torch.float64)
    if isinstance(node, ast.Name):
        found: torch.Tensor = torch.tensor(math.pi, dtype=torch.float64) if node.id == "pi" else values[node.id]
        return found
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        answer: torch.Tensor = _OPERATIONS[type(node.op)](_value(node.left, values), _value(node.right, values))
        return answer
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)  # noqa: S101, PT018 - checked when parsed
    argument = _value(node.args[0], values)
    if node.func.id == "step":
        return (argument >= 0).to(argument)
    result: torch.Tensor = getattr(torch, node.func.id)(argument)
    return result
