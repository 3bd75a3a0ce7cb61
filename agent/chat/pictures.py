"""Pictures, structures and the report of a campaign, written where its files lie; nothing is opened.

Knows the report's parts. Must not know chat models or terminals.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import TerminalError, UserError
from ...memory.foreign import clean
from .. import assemble
from ..labels import crystal_of
from ..standing import standing_of
from .answers import trial_of

if TYPE_CHECKING:
    from .session import Session


def plot(session: Session, kind: str) -> str:
    """Draw a picture; without a kind, all that there is something to draw for.

    Raises:
        UserError: There is no such kind.
        TerminalError: It cannot be written.
    """
    from ..reports.learnt_plots import LEARNT, learnt_plots
    from ..reports.plots import PLOTS

    kinds = (*PLOTS, *LEARNT)
    if kind and kind not in kinds:
        raise UserError(f"no plot {clean(kind, 40)!r}; there are: {', '.join(kinds)}")
    state = session.state()
    standing = standing_of(state)
    folder = _folder(session)
    learnt = learnt_plots(state, standing) if kind not in PLOTS else {}
    lines = []
    for name in [kind] if kind else kinds:
        figure = PLOTS[name](standing) if name in PLOTS else learnt.get(name)
        if figure is None:
            lines += [f"{name}: there is nothing to draw yet"] if kind else []
            continue
        path = folder / f"{name}.png"
        try:
            figure.savefig(path)
        except OSError as error:
            raise TerminalError(f"{path} cannot be written: {error.strerror or error}") from error
        lines.append(f"{name}: {path}")
    return "\n".join(lines) or "There is nothing to draw yet."


def structure(session: Session, number: int) -> str:
    """Write a trial's crystal, as relaxed where the oracle relaxes.

    Raises:
        UserError: There is no such trial, or it is no crystal.
        TerminalError: It cannot be written.
    """
    from pymatgen.io.cif import CifWriter

    from ...tools.crystals.structure import to_structure
    from ..reports.report import cif_name

    trial = trial_of(session.state(), number)
    crystal = crystal_of(trial.candidate, trial.outcome)
    if crystal is None:
        raise UserError(f"trial #{number} is a setting of variables, and no crystal")
    path = _folder(session, "structures") / cif_name(trial)
    try:
        path.write_text(str(CifWriter(to_structure(crystal))), encoding="utf-8")
    except OSError as error:
        raise TerminalError(f"{path} cannot be written: {error.strerror or error}") from error
    is_relaxed = trial.outcome is not None and trial.outcome.crystal is not None
    return f"#{number}, {'as relaxed' if is_relaxed else 'as proposed'}: {path}"


def report(session: Session) -> str:
    """Write the report of the campaign as it stands."""
    from ..recollection.notes import notes_on
    from ..reports.report import write_report

    state = session.state()
    notes = notes_on(session.ledger, session.campaign)
    folder = assemble.campaign_folder(session.home, session.campaign)
    return f"Report: {write_report(state, folder, notes, assemble.latent_model_of(state))}"


def _folder(session: Session, part: str = "") -> Path:
    folder = assemble.campaign_folder(session.home, session.campaign) / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TerminalError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder
