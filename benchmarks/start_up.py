"""How long a newcomer waits: `import athanor` (at most 0.3 s) and `athanor --help` (at most 1 s).

usage: python benchmarks/start_up.py

Each is a process of its own, 15 times after one that fills the file cache; the interpreter's own start is measured
beside them, and it is part of both figures.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from record import write_result

REPEATS = 15
PYTHON = sys.executable
COMMANDS = {
    "python": [PYTHON, "-c", "pass"],
    "import athanor": [PYTHON, "-c", "import athanor"],
    "athanor --help": [str(Path(PYTHON).with_name("athanor")), "--help"],
}


def seconds(command: list[str]) -> list[float]:
    """Wall-clock seconds of each run."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return times[1:]


def main() -> None:
    """Measure, print and write the figures."""
    figures = {}
    for name, command in COMMANDS.items():
        times = seconds(command)
        figures[name] = {"median_s": round(statistics.median(times), 3), "worst_s": round(max(times), 3)}
        print(f"{name:>16}: median {statistics.median(times):.3f} s, worst {max(times):.3f} s")
    write_result("start_up", {"repeats": REPEATS, "commands": figures})


if __name__ == "__main__":
    main()
