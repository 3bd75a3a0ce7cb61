"""Writes a benchmark's figures beside the machine, versions and date that they hold for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from athanor.tools.conditions import conditions

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("athanor", "ase", "botorch", "chgnet", "chromadb", "numpy", "pymatgen", "sevenn", "sqlalchemy", "torch")


def write_result(name: str, figures: Mapping[str, Any]) -> Path:
    """Write `results/NAME.json`: the figures, with processor, cores, Python, packages and date.

    Returns:
        The file written.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps({"conditions": conditions(PACKAGES), "figures": figures}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
    return path
