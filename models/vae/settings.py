"""How a crystal VAE is trained, and what is told while it is.

Knows the networks' shape. Knows no crystals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .network import Shape


@dataclass(frozen=True)
class VaeSettings:
    """How a VAE is trained.

    Attributes:
        epochs: Passes over the training data, at most.
        patience: Passes without a better validation bound after which training stops; the best pass is kept.
        batch: Crystals a step, over all processes.
        processes: Side by side, each with a part of every batch; another number gives other weights.
        learning_rate: Highest of the one-cycle schedule.
        weight_decay: Of matrices.
        beta: Weight of the KL term, once it has warmed up.
        warm_up: Share of the steps over which that weight rises from zero, with the square of their number: what is
            to be compressed has to be learnt before.
        free_bits: KL in nats that each latent dimension may have at no cost.
        jitter: Standard deviation of what is added to free coordinates in each pass, in fractions of the cell, and a
            third of it to the lattice's scaled numbers. Crystals are too few to learn coordinates from; shaken a
            little, they are still crystals, and none can be known by heart.
        seed: Of weights, order and noise.
        shape: Sizes of the networks.
    """

    epochs: int = 45
    patience: int = 20
    batch: int = 128
    processes: int = 2
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.03
    beta: float = 0.7
    warm_up: float = 0.8
    free_bits: float = 0.05
    jitter: float = 0.015
    seed: int = 0
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: Says what is allowed.
        """
        if min(self.epochs, self.patience, self.processes) < 1 or self.batch < self.processes:
            raise ValueError("epochs, patience and processes are at least 1, batch is at least as many as processes")
        if self.learning_rate <= 0 or self.beta < 0 or not 0 < self.warm_up <= 1:
            raise ValueError("learning_rate is above 0, beta at least 0, warm_up above 0 and at most 1")


@dataclass(frozen=True)
class Bound:
    """The evidence lower bound by its terms, in nats a crystal.

    Attributes:
        group: Mean log-likelihood of the space group; then of the other parts.
        divergence: KL(q(z | x) ‖ N(0, I)).
    """

    group: float
    sites: float
    elements: float
    coordinates: float
    lattice: float
    divergence: float

    @property
    def reconstruction(self) -> float:
        """Expected log p(x | z)."""
        return self.group + self.sites + self.elements + self.coordinates + self.lattice


@dataclass(frozen=True)
class VaePass:
    """Where training stands after a pass over the data.

    Attributes:
        epoch: Passes done.
        epochs: Passes at most.
        beta: Weight of the KL term at the end of the pass.
        training: Bound over the pass, z drawn.
        validation: Bound on validation data, z at the mean.
        accuracy: Share of space groups, positions and elements on validation data whose likeliest value is true.
        shuffled_accuracy: The same with the latent points of other crystals: what the decoder knows without z.
        active_units: Latent dimensions whose mean varies over validation data with a variance above 0.01.
        property_errors: Mean absolute error on validation data by target, in its unit.
        seconds: Wall-clock time of the training so far.
        finished: Whether it has ended, by the number of passes or by patience.
    """

    epoch: int
    epochs: int
    beta: float
    training: Bound
    validation: Bound
    accuracy: float
    shuffled_accuracy: float
    active_units: int
    property_errors: Mapping[str, float]
    seconds: float
    finished: bool
