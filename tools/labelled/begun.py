"""What a training in a folder rests on, written down when it begins, so that it is resumed with nothing else.

Knows a JSON file. Must not know what is trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...memory.errors import UserError


def begin(path: Path, wanted: dict[str, Any]) -> None:
    """Write down what a training rests on, or see that one that was begun rests on the same.

    Checkpoints know as much, but the part of a training that has none yet would begin with other settings.

    Raises:
        UserError: It rests on something else, or what was written down cannot be read.
    """
    mine = json.loads(json.dumps(wanted))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
        return
    try:
        theirs = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read: {error}; begin anew in another folder") from error
    other = [f"{name} {theirs.get(name)}, this is {value}" for name, value in mine.items() if theirs.get(name) != value]
    if other:
        raise UserError(
            f"{path.parent}: the training was begun with {'; '.join(other)}; --resume goes on with the same files, "
            "columns and settings"
        )
