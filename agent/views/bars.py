"""Bars on a terminal, and lines where there is none: what every view of long work begins with.

Knows Rich. Must not know what is being done.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ...memory.foreign import clean

_REDRAWN = 10.0


class BarsView:
    """A context manager that shows how many of how many are done of each thing, in bars that are redrawn in place.

    Attributes:
        console: Where it writes; None for nowhere.
    """

    def __init__(self, console: Console | None, redrawn: float = _REDRAWN) -> None:
        """Choose where to write, None for nowhere, and how many times a second bars are redrawn."""
        self.console, self._redrawn = console, redrawn
        self._bars: _Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        if self.console and self.console.is_terminal:
            self._bars = _Bars(self.console, self._redrawn)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and leave the bars standing."""
        if self._bars:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Write a line above the bars."""
        if self.console:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, name: str, done: int, total: int, told: str = "", below: tuple[str, ...] = ()) -> bool:
        """Redraw the bar of a thing.

        Args:
            name: What is done; a bar begins with each new one.
            done: How many are done.
            total: How many there are.
            told: Stands beside the bar.
            below: Lines that stand below all bars until the next call.

        Returns:
            Whether there are bars; where there are none, lines are in place.
        """
        if self._bars is None:
            return False
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(clean(name, 60), total=total, told="")
        self._bars.below = below
        self._bars.update(self._tasks[name], completed=done, total=total, told=told)
        return True


class _Bars(Progress):
    """Bars, and lines below them."""

    def __init__(self, console: Console, redrawn: float) -> None:
        self.below: tuple[str, ...] = ()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[told]}", style="dim"),
        )
        super().__init__(*columns, console=console, refresh_per_second=redrawn)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars, then a line for each thing that is said below them."""
        yield self.make_tasks_table(self.tasks)
        for line in self.below:
            yield Text(f"  {line}", style="dim")
