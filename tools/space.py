"""What may vary in a campaign, as the campaign file states it.

Knows pydantic, the names of the elements and the space of parameters. Must not know how candidates are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator
from pymatgen.core import Element

from ..memory.errors import UserError
from ..memory.records import Record
from .parameters.parameter_space import ParameterSpace

GeneratorName = Literal["substitute", "decorate", "edit", "vae"]


class CrystalSpace(Record):
    """Ordered crystals made of some elements.

    Attributes:
        elements: Symbols that may occur.
        required: At least one of these must occur; empty for no such rule.
        n_elements: Smallest and largest number of different elements.
        max_atoms: Largest number of atoms in the primitive cell.
        seeds: Files or folders of crystals that serve as parents beside the prototypes that come with the package.
        generators: What makes candidates: `substitute` puts elements in place of others in known crystals, `decorate`
            gives the positions of prototypes to elements at random, `edit` exchanges, replaces, removes or adds one
            element in a known crystal, `vae` decodes points of the shipped latent model.
        fine_tune_every: Batches after which the latent model learns the campaign's best results; none for never.
    """

    kind: Literal["crystal"] = "crystal"
    elements: Annotated[tuple[str, ...], Field(min_length=1)]
    required: tuple[str, ...] = ()
    n_elements: tuple[int, int] = (1, 4)
    max_atoms: Annotated[int, Field(ge=1, le=100)] = 12
    seeds: tuple[Path, ...] = ()
    generators: Annotated[tuple[GeneratorName, ...], Field(min_length=1)] = ("substitute", "decorate")
    fine_tune_every: Annotated[int, Field(ge=1)] | None = None

    @field_validator("elements", "required")
    @classmethod
    def _known_symbols(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [symbol for symbol in symbols if not Element.is_valid_symbol(symbol)]
        if unknown:
            raise ValueError(f"no such element: {', '.join(unknown)}; chemical symbols such as C, Si, Mg are allowed")
        return symbols

    @model_validator(mode="after")
    def _consistent(self) -> CrystalSpace:
        low, high = self.n_elements
        if not 1 <= low <= high:
            raise ValueError(f"n_elements is {low} to {high}; 1 <= smallest <= largest is allowed")
        if low > len(self.elements):
            raise ValueError(f"n_elements asks for {low} elements but only {len(self.elements)} may occur")
        if len(set(self.generators)) < len(self.generators):
            raise ValueError(f"generators names one twice: {', '.join(self.generators)}; each once is allowed")
        if self.fine_tune_every is not None and "vae" not in self.generators:
            raise ValueError("fine_tune_every is about the generator vae, which generators does not name")
        outside = set(self.required) - set(self.elements)
        if outside:
            raise ValueError(f"required holds {', '.join(sorted(outside))}, which elements does not allow")
        return self


class PoolSpace(Record):
    """A finite pool of settings, one row of a CSV file each.

    Attributes:
        file: CSV with a header; one row is one point.
        variables: Columns that vary, name to unit ("1" for none). Text columns are categories.
    """

    kind: Literal["pool"] = "pool"
    file: Path
    variables: Annotated[dict[str, str], Field(min_length=1)]


Space = Annotated[CrystalSpace | PoolSpace | ParameterSpace, Field(discriminator="kind")]


def space_of(spec: Mapping[str, Any]) -> Space:
    """The space of a campaign file as the ledger keeps it.

    Raises:
        UserError: It cannot be used any more: a file that it names is gone, for example.
    """
    try:
        return TypeAdapter[Space](Space).validate_python(spec.get("space"))
    except ValidationError as error:
        raise UserError(f"the campaign's space cannot be used: {error.errors()[0]['msg']}") from error


def units_of(space: Space) -> dict[str, str]:
    """The variables of a space of settings with their units ("1" for none), in order; none for crystals."""
    if isinstance(space, PoolSpace):
        return dict(space.variables)
    return {leaf.name: leaf.source.unit for leaf in space.leaves} if isinstance(space, ParameterSpace) else {}
