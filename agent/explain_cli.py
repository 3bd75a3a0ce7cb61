"""The command `athanor explain`: what each atom and element contributes to the predictions for some crystals.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from .labels import counted
from .options import AsJson

if TYPE_CHECKING:
    from ..models.prediction import Predictor
    from ..tools.crystals.stream import Given
    from .pictures.contributions import Contributions

MOST = 20
"""Crystals explained in one call: each gets a page of its own."""
_REFUSED = 1


def explain(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CIF, POSCAR, extended XYZ, JSON, or a folder.")],
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Weights; without this, those shipped.")] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pictures go.")] = Path("explained"),
    properties: Annotated[
        list[str] | None, typer.Option("--property", metavar="NAME", help="Only this property; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each atom contributes to a prediction: pictures, a page and a table; of 20 crystals at most."""
    from ..tools.crystals.stream import files_of, stream
    from ..tools.predictor import load_predictor, shipped_predictor
    from .pictures.explain import file_stem

    chosen = files_of(files)
    predictor = shipped_predictor() if model is None else load_predictor(model)
    coming = stream(chosen)
    console, waiting = Console(), Console(stderr=True)
    refused, documents, stems = 0, [], set[str]()
    for given in islice(coming, MOST):
        stem = file_stem(Path(given.name).name)
        stem = next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, MOST + 2))) if name not in stems)
        stems.add(stem)
        with waiting.status(f"explaining {stem}"):
            document = _explained(given, predictor, properties or (), out, stem)
        documents.append(document)
        refused += "refusal" in document
        if not as_json:
            _show(document, console)
    is_more = next(coming, None) is not None
    if as_json:
        head = {"predictor": predictor.name, "method": "attribution of a prediction", "limit": MOST}
        typer.echo(json.dumps({**head, "more_were_given": is_more, "crystals": documents}))
    elif is_more:
        told = f"The first {MOST} crystals were explained; give fewer files at a time for the others."
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    if refused:
        raise typer.Exit(_REFUSED)


def _explained(
    given: Given, predictor: Predictor, properties: Sequence[str], folder: Path, stem: str
) -> dict[str, Any]:
    """What is said of one crystal, with its pictures written; or why nothing is."""
    from ..memory.foreign import readable
    from ..tools.crystals.structure import as_structure
    from ..tools.predict import predict
    from .pictures.explain import contributions, explain_pictures

    name = readable(Path(given.name).name)
    if given.structure is None:
        return {"name": name, "refusal": readable(given.error)}
    structure = as_structure(given.structure)
    said = predict([structure], predictor)
    if said.refusals[0] is not None:
        return {"name": name, "refusal": said.refusals[0]}
    found = contributions(structure, predictor, name, properties)
    files = explain_pictures(structure, predictor, folder, name, found, stem)
    parts = [
        _document(one, structure.atomic_numbers, float(said.properties[one.property].deviation[0])) for one in found
    ]
    return {
        "name": name,
        "predictor": predictor.name,
        "flags": list(said.flags[0]),
        "properties": parts,
        "files": [str(file) for file in files],
    }


def _document(one: Contributions, numbers: Sequence[int], deviation: float) -> dict[str, Any]:
    from ase.data import chemical_symbols

    elements = [
        {
            "element": chemical_symbols[number],
            "atoms": list(numbers).count(number),
            "contribution": one.elements[number],
            "by_occlusion": one.occlusion[number],
        }
        for number in sorted(one.elements, key=lambda n: -abs(one.elements[n]))
    ]
    return {
        "property": one.property,
        "unit": one.unit,
        "prediction": one.prediction,
        "deviation": deviation,
        "reference": one.reference,
        "elements": elements,
        "atoms": one.atoms.tolist(),
    }


def _show(document: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    from ..memory.foreign import clean
    from .labels import spread, unit_of, with_unit, wording

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    name = clean(document["name"], 100)
    if "refusal" in document:
        say(f"{name}: refused: {clean(document['refusal'], 300)}", "red")
        return
    for part in document["properties"]:
        unit = unit_of(part["unit"])
        value = f"{spread(part['prediction'], part['deviation'])} {unit}".strip()
        say(f"{name}: {wording(part['property'])} {value}, predicted", "bold")
        table = Table("element", "atoms", box=None)
        table.add_column(with_unit("contribution", part["unit"]), justify="right")
        table.add_column(with_unit("by occlusion", part["unit"]), justify="right")
        for row in part["elements"]:
            table.add_row(
                row["element"], str(row["atoms"]), f"{row['contribution']:+.3f}", f"{row['by_occlusion']:+.3f}"
            )
        table.add_row("reference", "", f"{part['reference']:+.3f}", "")
        table.add_row("prediction", "", f"{part['prediction']:+.3f}", "")
        console.print(table)
    for flag in document["flags"]:
        say(f"Not to be trusted: {clean(flag, 300)}", "yellow")
    say(f"Attribution of a prediction by {clean(document['predictor'], 100)}, not a measurement or a simulation.")
    say("Contributions sum up to the prediction less the reference: what it says of mean atoms on the same places.")
    written = counted(len(document["files"]) - 1, "picture")
    say(f"{written}, and all on one page: {document['files'][-1]}\n")
