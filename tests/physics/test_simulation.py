"""The simulation oracle on CHGNet: known values, invariance, and the named failure for each kind of bad crystal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Outcome, Provenance
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.oracles.build import build_oracle, evaluate, properties_of
from athanor.tools.oracles.oracle import SimulationSettings

CHGNET = SimulationSettings(calculator="chgnet")
ENERGIES = SimulationSettings(calculator="chgnet", bulk_modulus=False)
EMT = "ase.calculators.emt:EMT"


def candidate(structure: Structure) -> Candidate:
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="test"))


def rocksalt(length: float = 4.3) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(length), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def copper(length: float = 3.7) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(length), ["Cu"], [[0, 0, 0]])


def values(outcome: Outcome) -> dict[str, float]:
    assert outcome.failure is None, outcome.failure
    return {m.property: m.value for m in outcome.measurements}


@pytest.fixture(scope="module")
def magnesia() -> Outcome:
    return evaluate(CHGNET, candidate(rocksalt()))


def test_magnesia_against_reference_values(magnesia: Outcome) -> None:
    found = values(magnesia)
    assert found["formation_energy"] == pytest.approx(-3.053, abs=0.04)  # Materials Project
    assert found["energy_above_hull"] == pytest.approx(0.0, abs=0.005)  # it is the known phase
    assert found["volume_per_atom"] == pytest.approx(4.254**3 / 8, rel=0.01)  # CHGNet's lattice constant
    assert found["density"] == pytest.approx(40.304 / 6.02214e-1 / found["volume_per_atom"] / 2, rel=1e-3)
    assert found["bulk_modulus"] == pytest.approx(133, rel=0.05)  # CHGNet; experiment 160: it is known to be soft


def test_every_number_carries_unit_method_and_source(magnesia: Outcome) -> None:
    for measurement in magnesia.measurements:
        assert measurement.unit == properties_of(CHGNET)[measurement.property]
        assert measurement.method == "simulated"
        assert "CHGNet 0.3.0" in measurement.source
    modulus = next(m for m in magnesia.measurements if m.property == "bulk_modulus")
    assert modulus.deviation is not None
    assert 0 < modulus.deviation < 15


def test_the_details_tell_how(magnesia: Outcome) -> None:
    details = magnesia.details
    assert details["spacegroup"] == 225
    assert str(details["known_as"]).startswith(("mp-", "aflow-"))
    assert details["hull"]["phases"] == {"MgO": 1.0}
    curve = details["equation_of_state"]
    assert len(curve["volumes"]) == len(curve["energies"]) >= 7
    assert curve["r2"] > 0.99
    assert curve["minimum_inside"] is True
    json.dumps(details)


def test_cell_choice_order_and_orientation_do_not_matter(magnesia: Outcome) -> None:
    expected = values(magnesia)
    cell = rocksalt() * (1, 1, 2)
    cell.perturb(0)
    order = np.random.default_rng(0).permutation(len(cell))
    shuffled = Structure.from_sites([cell[int(i)] for i in order])
    shuffled.translate_sites(list(range(len(shuffled))), [0.13, 0.4, 0.77])
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    turned = Structure(shuffled.lattice.matrix @ rotation, shuffled.species, shuffled.frac_coords)
    found = values(evaluate(ENERGIES, candidate(turned)))
    assert found["formation_energy"] == pytest.approx(expected["formation_energy"], abs=2e-4)
    assert found["volume_per_atom"] == pytest.approx(expected["volume_per_atom"], rel=2e-3)


def overlapping() -> Structure:
    return Structure(Lattice.cubic(4.2), ["Na", "Cl"], [[0, 0, 0], [0.1, 0.1, 0]])


def isolated() -> Structure:
    base = copper(3.6) * (2, 2, 1)
    lattice = Lattice.orthorhombic(7.2, 7.2, 16)
    coordinates = [[x, y, z * 3.6 / 16] for x, y, z in base.frac_coords]
    return Structure(lattice, [*base.species, "Ne"], [*coordinates, [0.5, 0.5, 0.61]])


@pytest.mark.parametrize(
    ("structure", "kind", "words"),
    [
        (overlapping(), "overlap", "Na and Cl"),
        (isolated(), "isolated_atoms", "Ne"),
        (Structure(Lattice.cubic(3.36), ["Po"], [[0, 0, 0]]), "unsupported_element", "Po"),
        (rocksalt() * (4, 4, 4), "size", "512 atoms"),
        (rocksalt(3.2), "volume", "Å³/atom"),
    ],
    ids=["overlap", "isolated", "polonium", "512 atoms", "dense"],
)
def test_bad_crystals_give_their_failure(structure: Structure, kind: str, words: str) -> None:
    failure = evaluate(CHGNET, candidate(structure)).failure
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message


def emt(**settings: object) -> SimulationSettings:
    return SimulationSettings.model_validate({"calculator": EMT} | settings)


def test_a_calculator_of_ones_own_gives_no_energies_without_references() -> None:
    outcome = evaluate(emt(), candidate(copper()))
    assert set(values(outcome)) == {"density", "volume_per_atom", "bulk_modulus"} == set(properties_of(emt()))
    # ASE's effective medium theory: B = 134 GPa for copper (ASE's own equation-of-state tutorial).
    assert values(outcome)["bulk_modulus"] == pytest.approx(134, rel=0.02)


def test_references_of_ones_own_give_energies(tmp_path: Path) -> None:
    path = tmp_path / "elements.json"
    path.write_text(json.dumps({"Cu": -0.1}))
    settings = emt(references=str(path), bulk_modulus=False)
    outcome = evaluate(settings, candidate(copper()))
    assert set(values(outcome)) == set(properties_of(settings))
    assert values(outcome)["formation_energy"] == pytest.approx(0.1 - 0.0056, abs=0.002)
    assert "sevennet" in outcome.details["hull"]["of"]
    gold = copper()
    gold.replace_species({"Cu": "Au"})
    failure = evaluate(settings, candidate(gold * (1, 1, 1))).failure
    assert failure is not None
    assert "no reference energy for Au (references of elements.json)" in failure.message


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"max_steps": 1, "fmax": 1e-5}, "unconverged"),
        ({"max_cpu_seconds": 1e-6}, "timeout"),
    ],
)
def test_limits_are_failures_not_energies(settings: dict[str, float], kind: str) -> None:
    tetragonal = Structure(Lattice.tetragonal(2.6, 4.4), ["Cu", "Au"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    outcome = evaluate(emt(**settings), candidate(tetragonal))
    assert outcome.failure is not None
    assert outcome.failure.kind == kind
    assert outcome.measurements == ()


BROKEN = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Base(Calculator):
    implemented_properties = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=(), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        n = len(atoms)
        volume = atoms.get_volume()
        slope = self.slope(volume / n)
        self.results = {
            "energy": self.height(volume / n) * n,
            "forces": np.zeros((n, 3)),
            "stress": np.array([slope] * 3 + [0.0] * 3),
        }


class NotANumber(Base):
    slope = staticmethod(lambda v: float("nan"))
    height = staticmethod(lambda v: float("nan"))


class Exploding(Base):  # E = 40 / v
    slope = staticmethod(lambda v: -40 / v**2)
    height = staticmethod(lambda v: 40 / v)


class Crushing(Base):  # E = v / 2
    slope = staticmethod(lambda v: 0.5)
    height = staticmethod(lambda v: v / 2)


class Rippled(Base):  # E flat but for ripples: the fit has nothing to hold on to
    slope = staticmethod(lambda v: 0.0)
    height = staticmethod(lambda v: 0.01 * np.sin(40 * v))


class Raising(Base):
    @staticmethod
    def slope(v):
        raise RuntimeError("no licence for this code")
"""


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"broken_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(
    ("factory", "kind"),
    [
        ("NotANumber", "not_a_number"),
        ("Exploding", "exploded"),
        ("Crushing", "collapsed"),
        ("Raising", "crash"),
    ],
)
def test_a_potential_gone_wrong_is_a_failure(broken: str, factory: str, kind: str) -> None:
    settings = SimulationSettings(calculator=f"{broken}:{factory}", max_steps=60)
    failure = evaluate(settings, candidate(copper())).failure
    assert failure is not None
    assert failure.kind == kind, failure
    if factory == "Raising":
        assert "no licence for this code" in failure.message


def test_a_poor_fit_costs_the_modulus_alone(broken: str) -> None:
    outcome = evaluate(SimulationSettings(calculator=f"{broken}:Rippled"), candidate(copper()))
    assert set(values(outcome)) == {"density", "volume_per_atom"}
    assert outcome.details["equation_of_state"]["good"] is False


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"calculator": "mace"}, "allowed: chgnet, sevennet, sevennet-l3i5, or module:factory"),
        ({"calculator": "no_such_module:make"}, "no_such_module"),
        ({"calculator": "math:pi"}, "math:pi"),
        ({"calculator": "json:dumps"}, "json:dumps"),
        ({"calculator": EMT, "references": "nowhere.json"}, "nowhere.json"),
    ],
)
def test_a_wrong_calculator_is_the_users_mistake(settings: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        build_oracle(SimulationSettings.model_validate(settings))
