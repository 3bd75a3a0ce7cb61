"""Units as people write them, and the properties that have them.

Knows spellings. Must not know texts or numbers.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PER_ATOM = {
    ("energy above hull", "energy"): "energy/atom",
    ("formation energy", "energy"): "energy/atom",
    ("volume per atom", "volume"): "volume/atom",
}
"""Properties whose unit eV or Å³ is a careless eV/atom or Å³/atom."""
DEVIATION = "standard deviation"

# Dimension, factor to its first unit, offset; then all spellings. Spellings are regular expressions.
_UNITS: tuple[tuple[str, float, float, str], ...] = (
    ("toughness", 1, 0, r"MPa[ ·*]?(?:√m|m\^?(?:\{?1/2\}?|½|0\.5))"),
    ("pressure", 1, 0, r"GPa|gigapascals?"),
    ("pressure", 1e-3, 0, r"MPa|megapascals?"),
    ("pressure", 1e-6, 0, r"kPa"),
    ("pressure", 1e-9, 0, r"Pa"),
    ("pressure", 1e3, 0, r"TPa"),
    ("pressure", 1e-4, 0, r"bar"),
    ("pressure", 0.1, 0, r"kbar"),
    ("pressure", 100, 0, r"Mbar"),
    ("energy/atom", 1, 0, r"(?:eV|electron ?volts?)(?: ?/ ?| per )at(?:oms?|\.)?"),
    ("energy/atom", 1e-3, 0, r"meV(?: ?/ ?| per )at(?:oms?|\.)?"),
    ("energy", 1, 0, r"eV|electron ?volts?"),
    ("energy", 1e-3, 0, r"meV"),
    ("energy", 1e3, 0, r"keV"),
    ("molar energy", 1, 0, r"kJ(?: ?/ ?| per )mol(?:e)?|kJ ?mol(?:\^?-1|⁻¹)"),
    ("molar energy", 4.184, 0, r"kcal ?/ ?mol"),
    ("energy/area", 1, 0, r"J ?/ ?m(?:\^?2|²)"),
    ("energy/area", 1e-3, 0, r"mJ ?/ ?m(?:\^?2|²)"),
    ("density", 1, 0, r"g ?(?:/ ?| per )(?:cm(?:\^?3|³)|cc|ccm|cubic cm)|g[ ·]?cm(?:\^?-3|⁻³)"),
    ("density", 1e-3, 0, r"kg ?/ ?m(?:\^?3|³)|kg[ ·]?m(?:\^?-3|⁻³)"),
    ("volume/atom", 1, 0, r"(?:Å|[Aa]ngstroms?)(?:\^?3|³)(?: ?/ ?| per )at(?:oms?|\.)?"),
    ("volume", 1, 0, r"(?:Å|[Aa]ngstroms?)(?:\^?3|³)|cubic [Aa]ngstroms?"),
    ("volume", 1e3, 0, r"nm(?:\^?3|³)"),
    ("charge density", 1, 0, r"(?:electrons|e) ?/ ?Å(?:\^?3|³)"),
    ("length", 1, 0, r"Å|A\u030a|[Aa]ngstroms?|[Åå]ngstr[öo]ms?"),
    ("length", 10, 0, r"nm|nanomet(?:re|er)s?"),
    ("length", 0.01, 0, r"pm"),
    ("length", 1e4, 0, r"[µu]m|micromet(?:re|er)s?|microns?"),
    ("length", 1e7, 0, r"mm"),
    ("length", 1e8, 0, r"cm"),
    ("temperature", 1, 0, r"K(?!\w)(?! (?:atoms?|ions?|sites?|content)\b)|[Kk]elvins?"),
    ("temperature", 1, 273.15, r"°[ ]?C|º[ ]?C|℃|(?:degrees? |deg )(?:Celsius|C)\b"),
    ("angle", 1, 0, r"°(?! ?[CF])|degrees?"),
    ("share", 0.01, 0, r"(?:wt\.?|at\.?|mol\.?)? ?%(?:-points?)?|per ?cent(?:age points?)?|pct|percentage points?|pp"),
    ("share", 1e-6, 0, r"ppm"),
    ("ratio", 1, 0, r"(?:times|×|x)(?=\s+(?:as|more|less|that|the|larger|higher|lower|\w+er)\b)|-?fold"),
    ("heat conductivity", 1, 0, r"W ?/ ?\(?m[ ·]?K\)?|W ?m(?:\^?-1|⁻¹) ?K(?:\^?-1|⁻¹)"),
    ("conductivity", 1, 0, r"S ?/ ?cm|S ?cm(?:\^?-1|⁻¹)"),
    ("conductivity", 1e-3, 0, r"mS ?/ ?cm|mS ?cm(?:\^?-1|⁻¹)"),
    ("conductivity", 1e-2, 0, r"S ?/ ?m"),
    ("resistivity", 1, 0, r"[µu](?:Ω|Ohm|ohm)[ ·*]?cm"),
    ("resistivity", 100, 0, r"[µu](?:Ω|Ohm|ohm)[ ·*]?m"),
    ("resistivity", 1e3, 0, r"m(?:Ω|Ohm|ohm)[ ·*]?cm"),
    ("resistivity", 1e6, 0, r"(?:Ω|Ohm|ohm)[ ·*]?cm"),
    ("resistivity", 1e8, 0, r"(?:Ω|Ohm|ohm)[ ·*]?m"),
    ("mobility", 1, 0, r"cm(?:\^?2|²) ?/ ?\(?V[ ·]?s\)?|cm(?:\^?2|²) ?V(?:\^?-1|⁻¹) ?s(?:\^?-1|⁻¹)"),
    ("seebeck", 1, 0, r"[µu]V ?/ ?K"),
    ("voltage", 1, 0, r"V(?! (?:atoms?|ions?|sites?|content)\b)|volts?"),
    ("voltage", 1e-3, 0, r"mV"),
    ("magnetic moment", 1, 0, r"[µu](?:_?B|_\{B\})(?: ?/ ?(?:atom|f\.u\.))?|Bohr magnetons?"),
    ("flux density", 1, 0, r"T(?!-| phase| polytype| structure)"),
    ("frequency", 1, 0, r"THz"),
    ("frequency", 1e-3, 0, r"GHz"),
    ("wave number", 1, 0, r"cm(?:\^?-1|⁻¹)"),
    ("capacity", 1, 0, r"mAh ?/ ?g"),
    ("current density", 1, 0, r"mA ?/ ?cm(?:\^?2|²)"),
    ("concentration", 1, 0, r"mol ?/ ?[Ll]"),
    ("concentration", 1e-3, 0, r"mmol ?/ ?[Ll]|mM"),
    ("molar mass", 1, 0, r"g ?/ ?mol|u"),
    ("lifetime", 1, 0, r"ns|nanoseconds?"),
    ("lifetime", 1e-3, 0, r"ps|picoseconds?"),
    ("lifetime", 1e3, 0, r"[µu]s|microseconds?"),
    ("duration", 1, 0, r"s|sec|seconds?|min|minutes?|h|hours?|days?|weeks?|months?|years?"),
    ("count", 1, 0, r"(?:USD|EUR|tokens?|[KMG]i?B|kB|bytes?)"),
)
UNIT = re.compile(
    r"(?:[ \t\u00a0\u2009\u202f*_`$~|-]|\\[,;: ]){0,6}(?:\\(?:mathrm|text)\{)?(?:"
    + "|".join(f"(?P<u{k}>{spelling})" for k, (*_, spelling) in enumerate(_UNITS))
    + r")(?![\w/²³⁻]|·\w)"
)

# Name of a property, its dimensions, and how it is written.
_PROPERTIES: tuple[tuple[str, str, str], ...] = (
    ("bulk modulus", "pressure", r"bulk[ _-]?modul(?:us|i)"),
    ("shear modulus", "pressure", r"shear[ _-]?modul(?:us|i)"),
    ("Young's modulus", "pressure", r"(?:young'?s|elastic)[ _]modul(?:us|i)"),
    ("hardness", "pressure", r"hardness"),
    ("band gap", "energy", r"(?:band[ _-]?)?gaps?"),
    (
        "energy above hull",
        "energy/atom|energy",
        r"(?:energ(?:y|ies)[ _])?above[ _](?:the )?(?:convex )?hull|e_?hull|hull",
    ),
    ("formation energy", "energy/atom|energy|molar energy", r"formation[ _](?:energ(?:y|ies)|enthalp(?:y|ies))"),
    ("valence electron density", "charge density", r"valence[ _]electron[ _]density"),
    ("density", "density", r"densit(?:y|ies)(?! of states)"),
    ("volume per atom", "volume/atom|volume", r"volumes?[ _]per[ _]atom"),
    ("volume", "volume|volume/atom", r"volumes?"),
    ("lattice parameter", "length", r"(?:lattice|cell)[ _](?:parameter|constant|length)s?"),
    ("thickness", "length", r"thickness"),
    ("radius", "length", r"mean[ _]radius|radi(?:us|i)"),
    ("metal probability", "share", r"metal[ _]probabilit(?:y|ies)"),
    ("solar efficiency limit", "share", r"(?:solar[ _])?efficienc(?:y|ies)(?:[ _]limits?)?"),
    ("thermal conductivity", "heat conductivity", r"thermal[ _]conductivit(?:y|ies)"),
    ("resistivity", "resistivity", r"resistivit(?:y|ies)"),
    ("conductivity", "conductivity", r"conductivit(?:y|ies)"),
    ("mobility", "mobility", r"mobilit(?:y|ies)"),
    ("melting point", "temperature", r"melting[ _](?:point|temperature)s?"),
    ("temperature", "temperature", r"temperatures?"),
    ("magnetic moment", "magnetic moment", r"magnetic[ _]moments?|magneti[sz]ations?"),
    ("electronegativity range", "", r"electronegativity[ _]range"),
    ("electronegativity", "", r"(?:mean[ _])?electronegativit(?:y|ies)"),
    ("dielectric constant", "", r"dielectric constant|permittivity"),
    ("refractive index", "", r"refractive ind(?:ex|ices)"),
    ("Poisson's ratio", "", r"poisson'?s? ratio"),
    ("R²", "", r"R²|R\^2|R2"),
    ("mean absolute error", "", r"MAE|mean absolute error"),
    (DEVIATION, "*", r"(?:standard )?deviations?|uncertaint(?:y|ies)|error bars?|std|sigma"),
)
_DIMENSIONS = {name: frozenset(filter(None, dimensions.split("|"))) for name, dimensions, _ in _PROPERTIES}


def dimensions_of(name: str) -> frozenset[str]:
    """What units a property may have; nothing where that is not known."""
    return _DIMENSIONS.get(name, frozenset())


def per_atom(name: str, dimension: str) -> str:
    """The dimension that is meant, where a property of an atom is given in the unit of a cell."""
    return _PER_ATOM.get((name, dimension), dimension)


@lru_cache(maxsize=512)
def unit_kind(unit: str) -> tuple[str, float, float]:
    """Dimension of a unit, factor to the first of that dimension, offset; an unknown unit is its own dimension."""
    match = UNIT.fullmatch(unit.strip())
    if match is None:
        return ("" if unit.strip() in ("", "1") else unit.strip()), 1.0, 0.0
    return kind_of(match)


@lru_cache(maxsize=512)
def property_name(words: str) -> str:
    """A property's name as it is compared: `bulk_modulus` and `bulk moduli` are the bulk modulus."""
    match = property_names(frozenset()).fullmatch(words.strip())
    return canonical(match) if match else " ".join(words.replace("_", " ").lower().split())


@lru_cache(maxsize=64)
def property_names(more: frozenset[str]) -> re.Pattern[str]:
    """What finds the names of the usual properties and of more; `canonical` says which was found."""
    usual = [f"(?P<p{k}>{spelling})" for k, (_, _, spelling) in enumerate(_PROPERTIES)]
    own = [re.escape(name).replace(r"\ ", "[ _]") for name in sorted(more, key=len, reverse=True)]
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join([*usual, *own])})(?![A-Za-z])", re.IGNORECASE)


def canonical(match: re.Match[str]) -> str:
    """The one name of a property that `property_names` has found."""
    if match.lastgroup:
        return _PROPERTIES[int(match.lastgroup[1:])][0]
    return " ".join(match[0].replace("_", " ").lower().split())


def kind_of(match: re.Match[str]) -> tuple[str, float, float]:
    """Dimension, factor and offset of a unit that `UNIT` has found."""
    return _UNITS[int((match.lastgroup or "")[1:])][:3]
