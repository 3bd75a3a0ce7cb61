"""The benchmark of generators: several sources beside one another, judged by the same known crystals.

Knows files, which sources there are and where descriptions and relaxations are kept. Must not know terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...memory.errors import UserError
from ..conditions import conditions
from ..crystals.read import crystal_files
from .described import Described, read_described
from .evaluate import Evaluation, evaluate
from .known_crystals import KnownCrystals
from .random_search import RandomSearch
from .reconstruction import reconstruction
from .relaxations import SETTINGS, Relaxation
from .sources import LatentSource
from .stability import METASTABLE, STABLE
from .substitution import SubstitutionSource
from .validity import STATES

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from .rates import Figure
    from .sources import Source

VAE, SUBSTITUTION, RANDOM = "vae", "substitution", "random"
BASELINES: Mapping[str, Callable[[KnownCrystals], Source]] = {SUBSTITUTION: SubstitutionSource, RANDOM: RandomSearch}
NAMES = (VAE, *BASELINES)
_PACKAGES = ("athanor", "ase", "chgnet", "moyopy", "numpy", "pymatgen", "scipy", "smact", "torch")

Tell = Callable[[str, int, int], object]
"""Is told what is being done, and how many of how many are."""


@dataclass(frozen=True)
class Benchmark:
    """What is to be measured.

    Attributes:
        sources: Of `NAMES`; without any all of them, or the vae alone where there is no reference.
        samples: Crystals that each source is asked for.
        relax: How many of them are relaxed, the first ones.
        references: Files of known crystals; the first is what generators learn from.
        reconstruct: Held-out crystals; at most `samples` of them are encoded and decoded again.
        seed: Of everything that is drawn.
        weights: Of the vae; None for those shipped.
    """

    sources: tuple[str, ...] = ()
    samples: int = 1000
    relax: int = 0
    references: tuple[Path, ...] = ()
    reconstruct: Path | None = None
    seed: int = 0
    weights: Path | None = None

    @property
    def chosen(self) -> tuple[str, ...]:
        """The sources that are measured, each once."""
        return tuple(dict.fromkeys(self.sources)) or (NAMES if self.references else (VAE,))

    def check(self) -> None:
        """Find what is wrong with it before anything is read or computed.

        Raises:
            UserError: Says what, and what is allowed.
        """
        unknown = [name for name in self.chosen if name not in NAMES]
        if unknown:
            raise UserError(f"--source {unknown[0]}: no such source; allowed: {', '.join(NAMES)}")
        needy = [name for name in self.chosen if name in BASELINES]
        if needy and not self.references:
            raise UserError(f"--source {needy[0]}: draws from training crystals; --reference FILE names them")
        if self.relax > self.samples:
            raise UserError(f"--relax {self.relax}: only {self.samples} samples are made; as many or fewer are allowed")
        if self.reconstruct and VAE not in self.chosen:
            raise UserError(f"--reconstruct: only a {VAE} encodes crystals; --source {VAE} is needed with it")
        for path in (*self.references, *([self.reconstruct] if self.reconstruct else ())):
            crystal_files(path)


@dataclass(frozen=True)
class Measured:
    """What a benchmark has found.

    Attributes:
        evaluations: One for each source, in the order asked for.
        crystals: Each file that was read, with how many crystals it gave and how many were left out.
    """

    evaluations: tuple[Evaluation, ...]
    crystals: Mapping[str, Mapping[str, int]]


def measure(asked: Benchmark, executor: Executor, home: Path, tell: Tell) -> Measured:
    """Make crystals with every source and count.

    Args:
        asked: What to measure, checked.
        executor: Where files are described and crystals relaxed.
        home: Folder in which descriptions and relaxations are kept for the next time.
        tell: Is told how far it is.

    Raises:
        UserError: A file or the folder cannot be used.
        TerminalError: A process was killed.
    """
    model = _model(asked)
    files: dict[str, Described] = {}
    for path in (*asked.references, *([asked.reconstruct] if asked.reconstruct else ())):
        if str(path) not in files:
            counting = _counting(tell, f"describing {path.name}")
            files[str(path)] = read_described(path, executor, home / "described", counting)
    known = None
    if asked.references:
        first, *further = (files[str(path)].crystals for path in asked.references)
        known = KnownCrystals(first, tuple(crystal for crystals in further for crystal in crystals))
    relaxation = Relaxation(asked.relax, executor, home / "relaxed")
    evaluations = []
    for name in asked.chosen:
        found = evaluate(_source(name, model, known), asked.samples, asked.seed, known, relaxation, tell)
        if name == VAE and model and asked.reconstruct:
            given_back = _reconstruction(model, files[str(asked.reconstruct)], asked, tell)
            found = replace(found, figures=(*found.figures, *given_back))
        evaluations.append(found)
    counts = {path: {"crystals": len(one.crystals), "left_out": one.left_out} for path, one in files.items()}
    return Measured(tuple(evaluations), counts)


def document(asked: Benchmark, measured: Measured) -> Mapping[str, Any]:
    """Everything found, with all it holds for: machine, versions, date, seed and settings."""
    settings = {
        "samples": asked.samples,
        "relax": asked.relax,
        "seed": asked.seed,
        "files": [{"file": Path(path).name, **counts} for path, counts in measured.crystals.items()],
        "training": asked.references[0].name if asked.references else None,
        "oxidation_states": STATES,
        "relaxation": SETTINGS.model_dump(mode="json", include={"calculator", "fmax", "max_steps", "max_cpu_seconds"}),
        "limits": {"stable": STABLE, "metastable": METASTABLE, "unit": "eV/atom"},
    }
    sources = [
        {
            "source": one.source,
            "version": one.version,
            "figures": {figure.name: _plain(figure) for figure in one.figures},
            "failures": one.failures,
            "cpu_seconds": one.cpu_seconds,
        }
        for one in measured.evaluations
    ]
    return {"conditions": conditions(_PACKAGES), "settings": settings, "sources": sources}


def _plain(figure: Figure) -> Mapping[str, Any]:
    given = {key: value for key, value in asdict(figure).items() if value not in (None, "")}
    return {"value": None, **{key: value for key, value in given.items() if key != "name"}}


def _model(asked: Benchmark) -> LatentModel | None:
    if VAE not in asked.chosen:
        return None
    from ..latent_model import load_latent_model

    return load_latent_model(asked.weights)


def _source(name: str, model: LatentModel | None, known: KnownCrystals | None) -> Source:
    if model is not None and name == VAE:
        return LatentSource(model)
    if known is None:
        raise UserError(f"--source {name}: draws from training crystals; --reference FILE names them")
    return BASELINES[name](known)


def _reconstruction(model: LatentModel, held_out: Described, asked: Benchmark, tell: Tell) -> tuple[Figure, Figure]:
    """Reconstruct some crystals at random, those among them that could not be described included."""
    n = len(held_out.crystals)
    chosen = np.random.default_rng(asked.seed).permutation(n + held_out.left_out)[: asked.samples]
    usable = [held_out.crystals[k] for k in chosen if k < n]
    return reconstruction(model, usable, len(chosen) - len(usable), _counting(tell, f"{VAE}: reconstructing"))


def _counting(tell: Tell, what: str) -> Callable[[int, int], object]:
    return lambda done, total: tell(what, done, total)
