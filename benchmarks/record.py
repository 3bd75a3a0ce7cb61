"""Writes a benchmark's figures beside the machine, versions and date that they hold for."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("athanor", "ase", "botorch", "chgnet", "chromadb", "numpy", "pymatgen", "sevenn", "sqlalchemy", "torch")


def write_result(name: str, figures: Mapping[str, Any]) -> Path:
    """Write `results/NAME.json`: the figures, with processor, cores, Python, packages and date.

    Returns:
        The file written.
    """
    RESULTS.mkdir(exist_ok=True)
    conditions = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }
    path = RESULTS / f"{name}.json"
    text = json.dumps({"conditions": conditions, "figures": figures}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
    return path


def _processor() -> str:
    """Model name of the processor; Linux keeps it in /proc/cpuinfo, elsewhere `platform` knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
