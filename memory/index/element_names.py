"""Names of chemical elements in a text: what its formulas and symbols mean, written out.

Knows the 118 elements and the words chemists make of them, and no library at all. Must not know what the names are
used for.

What counts as a formula or a symbol, in text read case by case:

- a token made of symbols, numbers and brackets alone that holds two elements or more, with a symbol of two letters or a
  number among them: `TiC`, `Mn2O3`, `Na3V2(PO4)3`; but not `NaN`;
- two capitals without a number, if the second is an anion's and the first less electronegative: `WC`, `BN`, `KI`; but
  none of `NOT_FORMULAS`, which are words and abbreviations (`IN`, `NO`, `BO`);
- one element with a number: a symbol of two letters (`Fe3`), or a molecule such as `N2`; not `P4` or `C2`, which are
  more often space groups and labels;
- a symbol alone: of two letters and none of `NOT_SYMBOLS` (`In`, `As`, `He`, `Pa` …), or anything in a list after
  "with", as the loop writes it (`with B or C`, `with Li, Ni and O`).

Among words, the elements' names in two spellings, compounds by their anion (`oxides`), and salts with oxygen
(`titanates`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

VERSION: Final = 1
"""Changes whenever `names_in` does."""

NAMES: Final[Mapping[str, str]] = dict(
    re.findall(
        r"(\w+):(\w+)",
        "H:hydrogen He:helium Li:lithium Be:beryllium B:boron C:carbon N:nitrogen O:oxygen F:fluorine Ne:neon "
        "Na:sodium Mg:magnesium Al:aluminium Si:silicon P:phosphorus S:sulfur Cl:chlorine Ar:argon "
        "K:potassium Ca:calcium Sc:scandium Ti:titanium V:vanadium Cr:chromium Mn:manganese Fe:iron Co:cobalt "
        "Ni:nickel Cu:copper Zn:zinc Ga:gallium Ge:germanium As:arsenic Se:selenium Br:bromine Kr:krypton "
        "Rb:rubidium Sr:strontium Y:yttrium Zr:zirconium Nb:niobium Mo:molybdenum Tc:technetium Ru:ruthenium "
        "Rh:rhodium Pd:palladium Ag:silver Cd:cadmium In:indium Sn:tin Sb:antimony Te:tellurium I:iodine "
        "Xe:xenon Cs:caesium Ba:barium La:lanthanum Ce:cerium Pr:praseodymium Nd:neodymium Pm:promethium "
        "Sm:samarium Eu:europium Gd:gadolinium Tb:terbium Dy:dysprosium Ho:holmium Er:erbium Tm:thulium "
        "Yb:ytterbium Lu:lutetium Hf:hafnium Ta:tantalum W:tungsten Re:rhenium Os:osmium Ir:iridium "
        "Pt:platinum Au:gold Hg:mercury Tl:thallium Pb:lead Bi:bismuth Po:polonium At:astatine Rn:radon "
        "Fr:francium Ra:radium Ac:actinium Th:thorium Pa:protactinium U:uranium Np:neptunium Pu:plutonium "
        "Am:americium Cm:curium Bk:berkelium Cf:californium Es:einsteinium Fm:fermium Md:mendelevium "
        "No:nobelium Lr:lawrencium Rf:rutherfordium Db:dubnium Sg:seaborgium Bh:bohrium Hs:hassium "
        "Mt:meitnerium Ds:darmstadtium Rg:roentgenium Cn:copernicium Nh:nihonium Fl:flerovium Mc:moscovium "
        "Lv:livermorium Ts:tennessine Og:oganesson ",
    )
)
ANIONS: Final[Mapping[str, str]] = {
    "F": "fluoride",
    "O": "oxide",
    "Cl": "chloride",
    "N": "nitride",
    "Br": "bromide",
    "I": "iodide",
    "S": "sulfide",
    "Se": "selenide",
    "C": "carbide",
    "H": "hydride",
    "P": "phosphide",
    "As": "arsenide",
    "Te": "telluride",
    "Sb": "antimonide",
    "B": "boride",
    "Si": "silicide",
}
"""Names of compounds by their anion, the most electronegative first."""
ACIDS: Final[Mapping[str, str]] = {
    "aluminate": "Al",
    "borate": "B",
    "carbonate": "C",
    "chromate": "Cr",
    "cobaltate": "Co",
    "ferrite": "Fe",
    "manganate": "Mn",
    "manganite": "Mn",
    "molybdate": "Mo",
    "nickelate": "Ni",
    "niobate": "Nb",
    "nitrate": "N",
    "phosphate": "P",
    "silicate": "Si",
    "sulfate": "S",
    "tantalate": "Ta",
    "titanate": "Ti",
    "tungstate": "W",
    "vanadate": "V",
    "zirconate": "Zr",
}
"""Salts with oxygen, by the element beside it."""
NOT_FORMULAS: Final = frozenset({"BO", "HI", "IF", "IN", "NO", "OF", "PC", "PS", "SO", "US", "VS", "CHO", "NaN"})
NOT_SYMBOLS: Final = frozenset(
    {"Am", "As", "At", "Be", "Cf", "Cm", "Es", "Fm", "He", "In", "Md", "Mt", "No", "Pa", "Pm"}
)
MOLECULES: Final = frozenset({"H2", "N2", "O2", "O3", "F2", "Cl2", "Br2", "I2", "S8", "C60"})

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SYMBOL = "(?:" + "|".join(sorted(NAMES, key=len, reverse=True)) + ")"
_TOKEN = re.compile(r"(?<![\w.])[A-Z(](?:[A-Za-z0-9()]|\.(?=[0-9]))*")
_FORMULA = re.compile(rf"(?:{_SYMBOL}|[0-9().])+")
_LIST = re.compile(rf"\bwith ({_SYMBOL}\b(?:(?:, | or | and (?:with )?){_SYMBOL}\b)*)")
_WORD = re.compile(r"\bleads? to\b|[a-z]+")
_BY_WORD: Final[Mapping[str, tuple[str, ...]]] = (
    {name: (symbol,) for symbol, name in NAMES.items()}
    | {"aluminum": ("Al",), "cesium": ("Cs",), "sulphur": ("S",), "sulphide": ("S",), "sulphate": ("S", "O")}
    | {compound: (symbol,) for symbol, compound in ANIONS.items()}
    | {salt: (symbol, "O") for salt, symbol in ACIDS.items()}
)


def names_in(text: str) -> tuple[str, ...]:
    """Names of all elements that a text speaks of, each once, formulas and symbols before words.

    >>> names_in("MnO2 failed"), names_in("titanates, borides"), names_in("In As we trust")
    (('manganese', 'oxygen'), ('titanium', 'oxygen', 'boron'), ())
    """
    return tuple(dict.fromkeys(NAMES[symbol] for symbol in _symbols(text.translate(_SUBSCRIPTS))))


def elements_of(token: str) -> tuple[str, ...]:
    """Symbols in a chemical formula, in its order; none where the token is no formula by the rules above."""
    symbols = tuple(dict.fromkeys(re.findall(_SYMBOL, token)))
    if not symbols or token in NOT_FORMULAS or not _FORMULA.fullmatch(token):
        return ()
    has_number = any(character.isdigit() for character in token)
    if len(symbols) == 1:
        allowed = has_number and ((len(symbols[0]) == 2 and symbols[0] not in NOT_SYMBOLS) or token in MOLECULES)
    elif has_number or any(len(symbol) == 2 for symbol in symbols):
        allowed = True
    else:
        order = list(ANIONS)
        first, *rest = symbols
        allowed = len(rest) == 1 and rest[0] in order and first not in order[: order.index(rest[0])]
    return symbols if allowed else ()


def _symbols(text: str) -> Iterator[str]:
    for symbols in _LIST.findall(text):
        yield from re.findall(_SYMBOL, symbols)
    for token in _TOKEN.findall(_LIST.sub(" ", text)):
        yield from elements_of(token) or ((token,) if _is_symbol(token) else ())
    for word in _WORD.findall(text.lower()):
        yield from _BY_WORD.get(word) or _BY_WORD.get(word.removesuffix("s")) or ()


def _is_symbol(token: str) -> bool:
    return len(token) == 2 and token in NAMES and token not in NOT_SYMBOLS
