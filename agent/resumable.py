"""What all training commands do about their folder: begin in a new one, resume in an old one, end when interrupted.

Knows typer and Rich. Must not know what is trained.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from ..memory.errors import UserError

_INTERRUPTED = 130


def open_folder(folder: Path, holds_training: Callable[[Path], bool], resume: bool) -> None:
    """Make the folder of a training, and see that it is begun or resumed as a person asked.

    From here on an operator's `kill` or a service manager's stop is an interruption like Ctrl-C.

    Raises:
        UserError: The folder cannot be made, holds a training that is not to be resumed, or none that could be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be made: {error}; a folder that can be written is needed") from error
    begun = holds_training(folder)
    if begun and not resume:
        raise UserError(f"{folder}: holds a training; --resume goes on with it, --out FOLDER begins another elsewhere")
    if resume and not begun:
        raise UserError(f"{folder}: no training was begun there; without --resume one is begun")
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def stop(folder: Path, has_begun: bool) -> NoReturn:
    """Say how an interrupted training is resumed, and exit with 130."""
    told = (
        f"Interrupted; every whole pass is kept in {folder}. Go on with: the same command and --resume"
        if has_begun
        else "Interrupted before the training began; the same command begins it."
    )
    Console(stderr=True).print(told, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(_INTERRUPTED) from None
