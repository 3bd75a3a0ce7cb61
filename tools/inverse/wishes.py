"""From the words of a person to the wish that a decoder keeps.

Knows elements, crystal systems and wishes. Must not know latent space.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ase.data import atomic_numbers

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...models.vae.wish import MAX_ATOMS, DecodingWish
from ...models.wyckoff.tables import GROUPS, crystal_system

SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
_MOST_ELEMENTS = 99


def wish_of(
    known: Collection[str],
    only: Sequence[str] = (),
    with_all: Sequence[str] = (),
    without: Sequence[str] = (),
    spacegroups: Sequence[int] = (),
    systems: Sequence[str] = (),
    atoms: str = "",
    n_elements: str = "",
) -> DecodingWish:
    """Make a wish, or say why it cannot be kept.

    Args:
        known: Elements that the decoder has learnt.
        only: Elements that may occur; none for all.
        with_all: Elements that must all occur.
        without: Elements that must not occur.
        spacegroups: Allowed numbers; none for all.
        systems: Allowed crystal systems; none for all.
        atoms: In the primitive cell: `8`, or `4-12`; empty for any number.
        n_elements: Likewise.

    Raises:
        UserError: An element, group or system that is not known, or wishes that contradict each other.
    """
    named = {"--only": only, "--with": with_all, "--without": without}
    for option, symbols in named.items():
        _check_elements(option, symbols, known)
    try:
        wish = DecodingWish(
            only=frozenset(only) if only else None,
            with_all=frozenset(with_all),
            without=frozenset(without),
            spacegroups=_groups(spacegroups, systems),
            atoms=_range("--atoms", atoms, MAX_ATOMS),
            n_elements=_range("--elements", n_elements, _MOST_ELEMENTS),
        )
    except ValueError as error:
        raise UserError(f"the wishes cannot be kept: {error}") from error
    allowed = wish.allows(sorted(known))
    if len(allowed) < wish.n_elements[0]:
        raise UserError(
            f"the wishes cannot be kept: {wish.n_elements[0]} elements or more are wanted, and {len(allowed)} are "
            f"allowed ({', '.join(allowed) or 'none'})"
        )
    if max(wish.n_elements[0], len(wish.with_all)) > wish.atoms[1]:
        n = max(wish.n_elements[0], len(wish.with_all))
        raise UserError(
            f"the wishes cannot be kept: {n} elements do not fit on {wish.atoms[1]} atoms; as many atoms or more are "
            "needed"
        )
    return wish


def _check_elements(option: str, symbols: Sequence[str], known: Collection[str]) -> None:
    for symbol in symbols:
        if symbol not in atomic_numbers or symbol == "X":
            raise UserError(f"{option}: {clean(symbol, 20)!r} is no element; chemical symbols as Cu, Zn, S are allowed")
        if symbol not in known:
            raise UserError(
                f"{option}: {symbol} was never seen in training; the model knows {', '.join(sorted(known))}"
            )


def _groups(spacegroups: Sequence[int], systems: Sequence[str]) -> frozenset[int] | None:
    for number in spacegroups:
        if number not in GROUPS:
            raise UserError(f"--spacegroup {number}: 1 to 230 are allowed")
    for system in systems:
        if system not in SYSTEMS:
            raise UserError(f"--system {clean(system, 20)!r}: no crystal system; {', '.join(SYSTEMS)} are allowed")
    if not systems:
        return frozenset(spacegroups) or None
    of_systems = frozenset(number for number in GROUPS if crystal_system(number) in systems)
    strange = sorted(set(spacegroups) - of_systems)
    if strange:
        raise UserError(
            f"the wishes cannot be kept: space group {strange[0]} is {crystal_system(strange[0])}, not "
            f"{' or '.join(systems)}; a {' or '.join(systems)} one is one of {_spans(sorted(of_systems))}"
        )
    return frozenset(spacegroups) or of_systems


def _spans(numbers: Sequence[int]) -> str:
    """Sorted numbers as `75 to 142`, gaps parted by commas."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(f"{low} to {high}" for low, high in zip(starts, ends, strict=True))


def _range(option: str, text: str, most: int) -> tuple[int, int]:
    if not text:
        return 1, most
    low, dash, high = text.partition("-")
    if not low.strip().isdecimal() or (dash and not high.strip().isdecimal()):
        raise UserError(f"{option} {clean(text, 20)!r}: cannot be read; a number as 8 or a range as 4-12 is allowed")
    found = int(low), int(high) if dash else int(low)
    if not 1 <= found[0] <= found[1] <= most:
        raise UserError(f"{option} {clean(text, 20)}: 1 to {most}, the smaller number first, are allowed")
    return found
