"""Where crystals for a VAE come from: tables, files and folders of crystals, and the results of a campaign.

Knows the readers and trials. Parses no crystal; labels are welcome and not needed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...memory.errors import UserError
from ...memory.records import Crystal
from ...memory.state import Trial
from ...models.target import BAND_GAP, ENERGY_ABOVE_HULL, FORMATION_ENERGY, Target
from ..crystals.read import ALLOWED as ALLOWED_CRYSTALS
from ..crystals.read import reader_of
from ..labelled.columns import KNOWN
from ..labelled.rows import Row, read_rows

TARGETS = (FORMATION_ENERGY, BAND_GAP, ENERGY_ABOVE_HULL)
"""What a VAE is taught of a crystal, as far as it is known."""
_TABLES = (".csv", ".json", ".xyz", ".extxyz")


@dataclass(frozen=True)
class Source:
    """Crystals that stand together.

    Attributes:
        name: As a person calls them: the path, or the campaign.
        rows: The crystals, not parsed yet.
        columns: Which column holds which target.
    """

    name: str
    rows: tuple[Row, ...]
    columns: Mapping[Target, str]


def read_source(path: Path) -> Source:
    """Read a table, a file of crystals, or a folder of such files, with labels.csv or without.

    Raises:
        UserError: Missing, unknown or damaged file, or a folder without crystals.
    """
    is_table = (path / "labels.csv").is_file() if path.is_dir() else _kind(path) in _TABLES or not path.exists()
    rows = read_rows(path) if is_table else _without_labels(path)
    present = dict.fromkeys(name for row in rows for name in row.values)
    columns: dict[Target, str] = {}
    for name in present:
        target = KNOWN.get(name.lower())
        if target in TARGETS:
            first = columns.setdefault(target, name)
            if first != name:
                raise UserError(f"{path}: columns {first} and {name} both hold {target.name}; one is needed")
    return Source(str(path), tuple(rows), columns)


def campaign_source(name: str, trials: Iterable[Trial]) -> Source:
    """Completed trials of a campaign: relaxed crystals, where the oracle relaxes, with what was measured.

    Raises:
        UserError: No trial has a crystal.
    """
    rows = []
    for trial in trials:
        crystal = (trial.outcome and trial.outcome.crystal) or trial.candidate.content
        if trial.outcome is None or not isinstance(crystal, Crystal):
            continue
        known = {
            target.name: m.value
            for m in trial.outcome.measurements
            for target in TARGETS
            if (m.property, m.unit) == (target.name, target.unit)
        }
        called = f"{name}/{trial.number}"
        rows.append(Row(f"campaign {name}, trial {trial.number}", called, "x.json", crystal.model_dump_json(), known))
    if not rows:
        raise UserError(f"--campaign {name}: no trial was completed with a crystal; there is nothing to learn from")
    return Source(f"campaign {name}", tuple(rows), {target: target.name for target in TARGETS})


def _kind(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _without_labels(path: Path) -> list[Row]:
    """Rows of files that hold a crystal each."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    readable = [file for file in files if file.is_file() and _kind(file) != ".csv" and reader_of(file) is not None]
    if not readable:
        raise UserError(
            f"{path}: {'the folder holds no crystal' if path.is_dir() else 'unknown kind of file'}; allowed: "
            f"{ALLOWED_CRYSTALS}"
        )
    return [Row(file.name, file.name, file.name.removesuffix(".gz"), _text(file), {}) for file in readable]


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from error
