"""MP-20 for the benchmarks: the folder that ATHANOR_DATA or `--data` names, never a part of the project."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd
from pymatgen.core import Structure

PARTS = ("train", "val")


def data_folder(description: str) -> Path:
    """The folder with train.csv.gz and val.csv.gz, from the command line or the environment."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=os.environ.get("ATHANOR_DATA"), help="folder of MP-20's files")
    folder = parser.parse_args().data
    if folder is None or not all((Path(folder) / f"{part}.csv.gz").is_file() for part in PARTS):
        raise SystemExit(
            f"{folder or 'no folder'}: train.csv.gz and val.csv.gz of MP-20 are needed; name their folder by --data "
            "or ATHANOR_DATA"
        )
    return Path(folder)


def table(folder: Path, part: str) -> pd.DataFrame:
    """Rows of a part, with CIF text and labels."""
    return pd.read_csv(folder / f"{part}.csv.gz")


def structures(rows: pd.DataFrame) -> list[Structure]:
    """Crystals of some rows."""
    return [Structure.from_str(text, fmt="cif") for text in rows["cif"]]
