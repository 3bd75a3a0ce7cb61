"""How a network is trained, and what is told while it is.

Knows the network's shape. Knows no data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..gnn import Shape


@dataclass(frozen=True)
class TrainingSettings:
    """How an ensemble is trained.

    Attributes:
        members: Networks, each with its own seed.
        epochs: Passes over the training data, at most.
        patience: Passes without a better validation error after which a member stops; the best pass is kept.
        batch: Crystals a step.
        learning_rate: Highest of the one-cycle schedule.
        seed: Of the first member; the next has the next.
        shape: Sizes of the networks.
    """

    members: int = 4
    epochs: int = 60
    patience: int = 20
    batch: int = 64
    learning_rate: float = 2e-3
    seed: int = 0
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        if min(self.members, self.epochs, self.patience, self.batch) < 1 or self.learning_rate <= 0:
            raise ValueError("members, epochs, patience and batch are at least 1, learning_rate is above 0")


@dataclass(frozen=True)
class Progress:
    """Where one member stands after a pass over the data.

    Attributes:
        member: From 1.
        epoch: Passes done.
        epochs: Passes at most.
        training_loss: Mean over the pass, standardised.
        errors: Mean absolute error on validation data, `(n_targets,)` in the targets' units.
        cpu_seconds: Of this member, over all its runs.
        finished: Whether it has ended, by the number of passes or by patience.
    """

    member: int
    epoch: int
    epochs: int
    training_loss: float
    errors: tuple[float, ...]
    cpu_seconds: float
    finished: bool
