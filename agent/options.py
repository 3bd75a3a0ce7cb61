"""Options that all commands share.

Knows typer. Must not know what a command does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path, typer.Option(help="Folder that holds all state.", envvar="ATHANOR_HOME", show_envvar=True)]
DEFAULT_HOME = Path("athanor-home")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
