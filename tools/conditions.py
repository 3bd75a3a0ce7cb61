"""Under what conditions figures hold: machine, versions and date.

Knows the machine and installed packages. Must not know what was measured.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def conditions(packages: Sequence[str]) -> Mapping[str, Any]:
    """Processor, cores, system, Python, versions of some packages and the day, to stand beside figures."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    """Model name of the processor; Linux keeps it in /proc/cpuinfo, elsewhere `platform` knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
