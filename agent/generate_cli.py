"""The command `athanor generate`: new crystals from the latent model, as they are wished for.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..memory.errors import UserError
from .options import AsJson

if TYPE_CHECKING:
    from ..models.vae.latent_model import LatentModel
    from ..models.vae.wish import DecodingWish
    from ..tools.inverse.aims import Aim
    from ..tools.inverse.generated import Generated

_NOTHING_FOUND = 1
TABLE, DOCUMENT = "generated.csv", "generated.json"
Told = Callable[[int, int], object]


def generate(
    n: Annotated[int, typer.Option("-n", min=1, max=100_000, help="Crystals wanted; with --between, steps.")] = 10,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="AIM", help="band_gap=1.4±0.1 (or +-), band_gap>=1, band_gap<=2; repeatable."),
    ] = None,
    only: Annotated[str, typer.Option(metavar="ELEMENTS", help="Elements that may occur: Cu,Zn,S.")] = "",
    with_all: Annotated[str, typer.Option("--with", metavar="ELEMENTS", help="Elements that must all occur.")] = "",
    without: Annotated[str, typer.Option(metavar="ELEMENTS", help="Elements that must not occur.")] = "",
    atoms: Annotated[str, typer.Option(metavar="RANGE", help="Atoms in the primitive cell: 8, or 4-12.")] = "",
    elements: Annotated[str, typer.Option(metavar="RANGE", help="Different elements: 3, or 2-4.")] = "",
    spacegroups: Annotated[
        list[int] | None, typer.Option("--spacegroup", metavar="NUMBER", help="1 to 230; repeatable.")
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--system", metavar="NAME", help="Crystal system: cubic, …; repeatable.")
    ] = None,
    between: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="FILE FILE", help="Go from one crystal to another.")
    ] = None,
    around: Annotated[Path | None, typer.Option(metavar="FILE", help="Vary this crystal.")] = None,
    optimise: Annotated[
        bool,
        typer.Option("--optimise", help="Look for the best that meet the targets; band_gap=highest and =lowest, too."),
    ] = False,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, max=10.0, help="Of the decoder; 0, the likeliest crystals, where not merely sampled."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same crystals.")] = 0,
    tries: Annotated[
        int | None,
        typer.Option(min=1, help="Latent points to decode for each crystal wanted, at most; 10, or 50 with --target."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Of the latent model; without, shipped.")] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where CIF files and tables go.")] = Path("generated"),
    plot: Annotated[bool, typer.Option("--plot", help="Draw pictures into the same folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make new crystals: sampled, between two, around one, or optimised; ends with 1 if none was found.

    All wishes are kept by every crystal; values are predicted. CIF files and tables go to --out.
    """
    _check_ways(between is not None, around is not None, optimise, bool(targets), tries)
    from ..tools.inverse.aims import check_aims, parse_aim
    from ..tools.inverse.wishes import wish_of
    from ..tools.latent_model import load_latent_model

    model = load_latent_model(weights)
    wish = wish_of(
        model.elements, _symbols(only), _symbols(with_all), _symbols(without), spacegroups or (), systems or (), atoms,
        elements,
    )  # fmt: skip
    aims = [parse_aim(text, model.targets) for text in targets or ()]
    check_aims(aims)
    if not optimise and any(aim.kind in ("highest", "lowest") for aim in aims):
        raise UserError("--target …=highest and =lowest: need --optimise; without it name a value, as in band_gap>=2")
    with _progress(as_json, n) as told:
        outcome = _made(model, wish, aims, n, between, around, optimise, temperature, seed, tries, told)
    files = _write(outcome, out)
    pictures: list[Path] = []
    if plot:
        from .pictures.generated import generated_pictures

        pictures = generated_pictures(outcome, model, out)
    _show(outcome, out, files, pictures, as_json)
    if not outcome.made:
        raise typer.Exit(_NOTHING_FOUND)


def _check_ways(between: bool, around: bool, optimise: bool, targets: bool, tries: int | None) -> None:
    if between and (around or optimise or targets):
        raise typer.BadParameter("--between stands without --around, --optimise and --target")
    if between and tries is not None:
        raise typer.BadParameter("--between decodes each step once; --tries is not allowed with it")
    if optimise and not targets:
        raise typer.BadParameter("--optimise needs a --target to optimise")


def _symbols(text: str) -> list[str]:
    """Chemical symbols parted by commas or blanks, each once."""
    return list(dict.fromkeys(text.replace(",", " ").split()))


def _made(
    model: LatentModel,
    wish: DecodingWish,
    aims: Sequence[Aim],
    n: int,
    between: tuple[Path, Path] | None,
    around: Path | None,
    is_optimised: bool,
    temperature: float | None,
    seed: int,
    tries: int | None,
    told: Told,
) -> Generated:
    from ..tools.inverse.interpolate import interpolate
    from ..tools.inverse.judges import predictor_judge
    from ..tools.inverse.known import read_known
    from ..tools.inverse.optimise import TRIES as TRIES_OF_A_SEARCH
    from ..tools.inverse.optimise import optimise
    from ..tools.inverse.sample import TRIES, sample
    from ..tools.inverse.vary import vary
    from ..tools.predictor import shipped_predictor

    if between is not None:
        first, second = (read_known(path, model) for path in between)
        return interpolate(model, first, second, wish, n, seed, temperature or 0.0)
    most = tries or (TRIES_OF_A_SEARCH if aims else TRIES)
    start = read_known(around, model) if around is not None else None
    judge = predictor_judge(shipped_predictor()) if aims else None
    if is_optimised and judge:
        return optimise(model, judge, wish, aims, n, seed, most, temperature or 0.0, around=start, told=told)
    if start is not None:
        return vary(model, start, wish, aims, n, seed, most, temperature or 0.0, judge, told)
    return sample(model, wish, aims, n, seed, most, temperature, judge=judge, told=told)


@contextmanager
def _progress(hidden: bool, n: int) -> Iterator[Told]:
    """A line on standard error that says how many of n crystals are found."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=hidden or not console.is_terminal, redirect_stdout=False
    ) as bar:
        task = bar.add_task("looking at latent space")
        yield lambda tried, found: bar.update(task, description=f"{found} of {n} found, {tried} latent points decoded")


def _write(outcome: Generated, folder: Path) -> list[Path]:
    """Write a CIF file for each crystal and the two tables; files of an earlier call to this folder are replaced."""
    from ..tools.inverse.cif import cif_text
    from .labels import label_of
    from .views.generated import csv_header, csv_row, document

    names = [f"{number:04d}_{label_of(one.candidate)}.cif" for number, one in enumerate(outcome.made, start=1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in _earlier(folder):
            old.unlink(missing_ok=True)
        for name, one in zip(names, outcome.made, strict=True):
            remarks = (f"made by {outcome.model}, neither measured nor simulated", one.candidate.provenance.note)
            block = name.removesuffix(".cif")
            (folder / name).write_text(cif_text(one.crystal, block, remarks), encoding="utf-8")
        with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(csv_header(outcome))
            writer.writerows(csv_row(outcome, number, name) for number, name in enumerate(names, start=1))
        (folder / DOCUMENT).write_text(json.dumps(document(outcome, names), indent=1), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--out {folder}: cannot be written: {error}; a folder that can be written is needed"
        ) from error
    return [folder / name for name in names]


def _earlier(folder: Path) -> list[Path]:
    """CIF files that an earlier call wrote into a folder, by its own account."""
    try:
        crystals = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))["crystals"]
        return [folder / Path(one["file"]).name for one in crystals if str(one["file"]).endswith(".cif")]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _show(outcome: Generated, folder: Path, files: Sequence[Path], pictures: Sequence[Path], as_json: bool) -> None:
    from .views.generated import SHOWN, crystals_table, document, opening, remarks

    if as_json:
        places = {"folder": str(folder), "pictures": [str(path) for path in pictures]}
        typer.echo(json.dumps(document(outcome, [str(path) for path in files]) | places))
        return
    console = Console()
    for line in opening(outcome):
        console.print(line, highlight=False, soft_wrap=True)
    if outcome.made:
        console.print(crystals_table(outcome, console.width))
    if len(outcome.made) > SHOWN:
        told = f"The first {SHOWN} of {len(outcome.made)}; {TABLE} holds all."
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    for line in remarks(outcome):
        console.print(line, highlight=False, soft_wrap=True)
    told = f"Written to {folder}: {len(files)} CIF files, {TABLE} and {DOCUMENT}."
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    for path in pictures:
        console.print(f"Picture: {path}", markup=False, highlight=False, soft_wrap=True)
