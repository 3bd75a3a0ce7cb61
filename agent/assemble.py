"""The composition root: a campaign file and a home folder become a wired campaign.

Knows every implementation and chooses among them. Must not know terminals; nothing but the faces imports it.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Collection
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..memory.errors import UserError
from ..memory.ledger import Ledger
from ..memory.recall import Recall
from ..memory.records import Candidate, Crystal, Outcome
from ..memory.sql import open_ledger
from ..memory.state import State, fold
from ..tools.oracles.build import evaluate
from ..tools.oracles.fingerprint import fingerprint
from ..tools.oracles.oracle import OracleSettings
from ..tools.properties.predicted import Chosen, predictor_of
from .campaign import Campaign
from .campaign_file import CampaignFile, parse_campaign, read_campaign_file
from .executors import process_pool
from .planner import Planner
from .planners.settings import Lessons
from .recollection.recollect import Recollection, Sources

if TYPE_CHECKING:
    from ..memory.chat_model_events import ChatExchanged
    from ..models.vae.latent_model import LatentModel
    from .llm.bench import Ask

DEFAULT = "stiff"
"""The ready-made campaign that runs where none is named."""
_PACKAGES = ("athanor", "ase", "botorch", "chgnet", "pvlib", "pymatgen", "sevenn", "torch")


def campaign_folder(home: Path, name: str) -> Path:
    """Where a campaign's reports lie."""
    return home / "campaigns" / name


def open_home(home: Path) -> Ledger:
    """Open the ledger of a home folder, or the database that `ATHANOR_DATABASE` names."""
    return open_ledger(home, os.environ.get("ATHANOR_DATABASE") or None)


def ready_made(name: str) -> Path:
    """The path of a campaign file that comes with the package.

    Raises:
        UserError: There is none of that name.
    """
    folder = Path(str(files("athanor") / "campaigns"))
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise UserError(f"no file and no ready-made campaign {name!r}; ready-made are: {known}")
    return path


def open_index(home: Path) -> Recall:
    """The index of a home folder, or of the Chroma server that `ATHANOR_CHROMA` names; nothing is opened yet."""
    from ..memory.index.isolated import open_recall

    return open_recall(home, os.environ.get("ATHANOR_CHROMA") or None)


def new_campaign(path: Path, ledger: Ledger, recall: Recall | None = None, name: str | None = None) -> Campaign:
    """Wire a campaign that has not run before.

    Args:
        path: The campaign file.
        ledger: Where it will be kept.
        recall: The index of the home.
        name: Another name than the file's.

    Raises:
        UserError: The file is wrong, or the ledger holds a campaign of this name.
    """
    file = read_campaign_file(path)
    if name:
        file = parse_campaign({**file.model_dump(mode="json"), "name": name}, f"--name {name}")
    if file.name in ledger.campaigns():
        raise UserError(
            f"a campaign named {file.name!r} is already there; go on with it by "
            f"`athanor run --resume {file.name}`, or start anew by `athanor run --name OTHER`"
        )
    return wire(file, ledger, recall)


def started_campaign(
    given: Path | None, ledger: Ledger, recall: Recall | None = None, name: str | None = None
) -> Campaign:
    """Wire a new campaign from its file, or the ready-made one of a name; that may run as often as one likes.

    Args:
        given: A file, or the name of a ready-made campaign; none for the default one.
        ledger: Where it will be kept.
        recall: The index of the home.
        name: Another name than the file's.

    Raises:
        UserError: There is no such file or ready-made campaign, the file is wrong, or its name is taken.
    """
    if given is not None and (given.is_file() or given.suffix or len(given.parts) != 1):
        return new_campaign(given, ledger, recall, name)
    ready = str(given or DEFAULT)
    return new_campaign(ready_made(ready), ledger, recall, free_name(name or ready, ledger))


def resumed_campaign(name: str, ledger: Ledger, recall: Recall | None = None) -> Campaign:
    """Wire a campaign that the ledger holds, from the file it was started with.

    Raises:
        UserError: The ledger holds no such campaign.
    """
    return wire(parse_campaign(state_of(name, ledger).spec, f"campaign {name} in the ledger"), ledger, recall)


def replayed_campaign(name: str, ledger: Ledger, recall: Recall | None = None, new: str | None = None) -> Campaign:
    """Wire a new campaign that does again what another one did, with the recorded answers of its chat model.

    Memory is off, or the results of the first would be taken over instead.

    Args:
        name: Of the campaign that the ledger holds.
        ledger: Where both are kept.
        recall: The index of the home.
        new: Name of the new campaign; without one, one that is free.

    Raises:
        UserError: There is no such campaign, nothing was asked in it, or the new name is taken.
    """
    spec = dict(state_of(name, ledger).spec)
    wanted = new or free_name(f"{name}-replay", ledger)
    if wanted in ledger.campaigns():
        raise UserError(f"a campaign named {wanted!r} is already there; --name OTHER gives another name")
    settings = {**(spec.get("chat_model") or {}), "replay": name}
    return wire(
        parse_campaign({**spec, "name": wanted, "memory": False, "chat_model": settings}, f"replay of {name}"),
        ledger,
        recall,
    )


def state_of(name: str, ledger: Ledger) -> State:
    """The state of a campaign in the ledger.

    Raises:
        UserError: The ledger holds no such campaign.
    """
    state = fold(ledger.entries(name))
    if not state.last:
        known = ", ".join(ledger.campaigns())
        raise UserError(f"no campaign named {name!r}; there are: {known or 'none yet'}")
    return state


def free_name(wanted: str, ledger: Ledger) -> str:
    """Find a name that no campaign bears: `wanted`, else the first free of `wanted-2`, `wanted-3` and so on."""
    taken = set(ledger.campaigns())
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def latent_model_of(state: State) -> LatentModel | None:
    """The generative model of a campaign that uses one, loaded now; None for all others.

    Raises:
        UserError: Its weights cannot be read.
    """
    space = state.spec.get("space")
    names = space.get("generators") if isinstance(space, dict) else None
    if not isinstance(names, list) or "vae" not in names:
        return None
    from ..tools.latent_model import shipped_latent_model

    return shipped_latent_model()


def holder() -> str:
    """Who runs this process, as shown to whoever wants the same campaign."""
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"


def versions() -> dict[str, str]:
    """Versions of the packages that decide over numbers."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def oracle_name(settings: OracleSettings) -> str:
    """What a trial's oracle is called: the potential, the table's file or the function."""
    if settings.kind == "simulation":
        return settings.calculator
    if settings.kind == "manual":
        return "by hand"
    return settings.file.name if settings.kind == "table" else settings.function


def wire(
    file: CampaignFile,
    ledger: Ledger,
    recall: Recall | None = None,
    ask: Callable[[OracleSettings, Candidate], Outcome] = evaluate,
    withheld: Collection[str] = (),
) -> Campaign:
    """Wire a validated campaign.

    Args:
        recall: The index of the home; without one the campaign leaves nothing there and is reminded of nothing.
        ask: Picklable function that answers a candidate at the oracle that some settings describe.
        withheld: Tools that a chat model that plans does without.
    """
    settings = [file.oracle, *([file.confirming_oracle] if file.confirming_oracle else [])]
    oracles = {oracle_name(one): partial(ask, one) for one in settings}
    fingerprints = {oracle_name(one): fingerprint(one) for one in settings}
    memory = Recollection(file, Sources(ledger, recall, embed, fingerprints))
    planner = _planner(file, memory.ask if recall is not None and file.memory else None, ledger, withheld)
    return Campaign(file, ledger, planner, oracles, process_pool(file.workers), memory)


def embed(crystal: Crystal) -> tuple[str, tuple[float, ...]] | None:
    """Embed a crystal by the network that materials are remembered by, which is loaded only now."""
    from ..tools.acquisition import embedding

    return embedding.embed(crystal)


def _planner(file: CampaignFile, recall: Ask | None, ledger: Ledger, withheld: Collection[str]) -> Planner:
    if file.planner == "random":
        from .planners.random_planner import RandomPlanner

        return RandomPlanner(file.goal, file.space, file.seed)
    from .planners.builtin import BuiltinPlanner

    predictor = _predictor(file)
    builtin = BuiltinPlanner(file.goal, file.space, file.seed, predictor, lessons_of(file, ledger))
    if file.planner == "builtin":
        return builtin
    from .chat_model.connect import connect
    from .chat_model.settings import ChatModelSettings
    from .llm.planner import LlmPlanner

    settings = file.chat_model or ChatModelSettings()
    if settings.replay:
        from .chat_model.replay import ReplayChatModel

        recorded, none = _recorded(settings.replay, ledger), ReplayChatModel(records=())
        return LlmPlanner(file.goal, file.space, file.seed, builtin, settings, none, predictor, recorded=recorded)
    # That no chat model is named must show before anything is spent.
    model, *others = (connect(one) for one in settings.in_turn)
    fallback = others[0] if others else None
    return LlmPlanner(
        file.goal, file.space, file.seed, builtin, settings, model, predictor, recall, fallback, withheld=withheld
    )


def lessons_of(file: CampaignFile, ledger: Ledger) -> Lessons:
    """How a campaign learns; of earlier campaigns what the ledger held when it was opened, so that it may be resumed.

    Raises:
        UserError: There is no campaign of a name that the file gives.
    """
    if file.learning is None:
        return Lessons()
    opened = next(ledger.entries(file.name), None)
    earlier = {}
    for name in file.learning.earlier:
        known = [entry for entry in ledger.entries(name) if opened is None or entry.time <= opened.time]
        if not known:
            there = ", ".join(ledger.campaigns())
            raise UserError(f"learning: no campaign {name!r} to learn from; there are: {there or 'none yet'}")
        earlier[name] = tuple(fold(known).trials.values())
    return Lessons(file.learning.outliers, earlier)


def _recorded(name: str, ledger: Ledger) -> tuple[ChatExchanged, ...]:
    """What a chat model has answered in a campaign.

    Raises:
        UserError: There is no such campaign, or nothing was asked in it.
    """
    exchanges = state_of(name, ledger).exchanges
    if not exchanges:
        raise UserError(f"no chat model was asked in campaign {name!r}, so there is nothing to replay")
    return exchanges


def _predictor(file: CampaignFile) -> Chosen | None:
    """The predictor of a campaign's oracle, loaded now: that it cannot be used must show before anything is spent."""
    chosen = file.oracle.predictor if file.oracle.kind == "simulation" else None
    if chosen is not None:
        predictor_of(chosen)
    return chosen
