"""How far the training of a VAE is and what came of it, on a terminal: one bar and the last pass, or plain lines.

Knows Rich, and what a training tells of itself. Must not know how networks are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ..labels import duration, figure, unit_of, wording
from .bars import BarsView
from .tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ...models.target import Target
    from ...models.vae.settings import VaePass

_LEARNING = "passes over the crystals"
_REDRAWN = 1.0
"""Times a second that bars are redrawn; training has both cores, and a pass takes minutes."""


class VaeTrainingView(BarsView):
    """Shows reading, describing and training.

    On a terminal bars are redrawn in place; elsewhere one line is written for each pass over the crystals.
    """

    def __init__(self, console: Console | None, targets: Sequence[Target], latent: int) -> None:
        """Choose where to write, None for nowhere; name the properties, and the number of latent dimensions."""
        super().__init__(console, _REDRAWN)
        self._targets, self.latent = targets, latent

    def counted(self, what: str, done: int, total: int) -> None:
        """Show how many of how many crystals are read or described."""
        self.show(what, done, total)

    def learned(self, done: VaePass) -> None:
        """Show a pass: the bound by its terms, what the latent points are worth, and the time that is left."""
        told = pass_lines(done, self._targets, self.latent)
        left = _left(done)
        total = done.epoch if done.finished else done.epochs
        if not self.show(_LEARNING, done.epoch, total, left, told):
            self.say(f"pass {done.epoch} of {done.epochs}: {'; '.join(told)}; {left}")


def pass_lines(done: VaePass, targets: Sequence[Target], latent: int) -> tuple[str, ...]:
    """What is known after a pass: bound on held-out crystals, use of latent points, and errors of properties."""
    bound = done.validation
    parts = ", ".join(
        f"{name} {_nats(value)}"
        for name, value in (
            ("group", bound.group),
            ("positions", bound.sites),
            ("elements", bound.elements),
            ("coordinates", bound.coordinates),
            ("lattice", bound.lattice),
        )
    )
    terms = (
        f"held out: reconstruction {_nats(bound.reconstruction)} nats ({parts}), KL {bound.divergence:.1f} nats "
        f"× beta {done.beta:.3f}"
    )
    use = (
        f"right {done.accuracy:.3f} ({done.shuffled_accuracy:.3f} with another crystal's z), "
        f"{done.active_units} of {latent} latent dimensions in use"
    )
    errors = [
        f"{wording(t.name)} {figure(done.property_errors[t.name])} {unit_of(t.unit)}".strip()
        for t in targets
        if t.name in done.property_errors
    ]
    return (terms, use, f"errors: {', '.join(errors)}") if errors else (terms, use)


def vae_table(done: VaePass, targets: Sequence[Target], latent: int) -> Table:
    """The pass that was kept, one row a figure, on held-out crystals."""
    table = plain_table()
    table.add_column("held-out crystals", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_row("reconstruction, E[log p(x | z)]", f"{_nats(done.validation.reconstruction)} nats")
    table.add_row("KL(q(z | x) ‖ N(0, I))", f"{done.validation.divergence:.1f} nats")
    table.add_row("groups, positions and elements right", f"{done.accuracy:.3f}")
    table.add_row("the same with another crystal's z", f"{done.shuffled_accuracy:.3f}")
    table.add_row("latent dimensions in use", f"{done.active_units} of {latent}")
    for target in targets:
        if target.name in done.property_errors:
            error = f"{figure(done.property_errors[target.name])} {unit_of(target.unit)}".strip()
            table.add_row(Text(f"{wording(target.name)}, mean absolute error"), Text(error))
    return table


def _left(done: VaePass) -> str:
    if done.finished:
        return "stopped early" if done.epoch < done.epochs else "done"
    return f"at most {duration(done.seconds / done.epoch * (done.epochs - done.epoch))} left"


def _nats(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
