"""Prompts: one markdown file each, filled in strictly.

Knows the files beside it. Must not know what they are for.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from string import Template


def render(name: str, **values: str) -> str:
    """Fill in a prompt.

    Args:
        name: Of the file, without `.md`.
        values: What stands in place of each `$name` in it.

    Raises:
        KeyError: The prompt asks for something that is not given.
        TypeError: Something is given that the prompt does not ask for.
    """
    template = _template(name)
    strange = values.keys() - set(template.get_identifiers())
    if strange:
        raise TypeError(f"prompt {name} does not ask for {', '.join(sorted(strange))}")
    return template.substitute(values).strip()


@lru_cache(maxsize=32)
def _template(name: str) -> Template:
    return Template((files(__package__) / f"{name}.md").read_text(encoding="utf-8"))
