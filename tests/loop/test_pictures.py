"""The pictures of a predictor: files that show something, numbers that can be found in them, names that do nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

from athanor.agent.cli import app
from athanor.agent.pictures.calibration_curve import calibration_curve
from athanor.agent.pictures.contributions import Contributions
from athanor.agent.pictures.crystal_picture import crystal_picture
from athanor.agent.pictures.error_by_chemistry import chemistry_of, error_by_class, error_by_element
from athanor.agent.pictures.error_by_deviation import error_by_deviation
from athanor.agent.pictures.explain import contributions, explain_pictures, file_stem
from athanor.agent.pictures.learning_curve import Curve, learning_curve
from athanor.agent.pictures.message_picture import Passing, message_picture
from athanor.agent.pictures.parity import parity
from athanor.agent.pictures.quality import Judged, quality_pictures
from athanor.agent.pictures.scene import scene_of
from athanor.agent.pictures.style import Picture, write_pictures
from athanor.memory.errors import UserError
from athanor.models.ensemble import GnnEnsemble
from athanor.models.gnn import MAX_ELEMENT, CrystalNetwork, Shape
from athanor.models.prediction import Distribution, Predictions
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.training.baseline import Baseline
from athanor.models.uncertainty.novelty import Novelty

HOSTILE = "<script>alert(1)</script> $x_$ <b>bold</b>"


class _Ensemble(GnnEnsemble):
    """Random networks; deviations without a calibration."""

    def predict(self, structures: Any) -> Predictions:
        n = len(structures)
        one = Distribution(*np.full((4, n), 0.5))
        gap = Distribution(*np.full((4, n), 0.5), zero_probability=np.zeros(n))
        return Predictions({"formation_energy": one, "band_gap": gap}, np.full(n, 0.1))


@pytest.fixture(scope="module")
def ensemble() -> GnnEnsemble:
    torch.manual_seed(0)
    members = tuple(CrystalNetwork(2, Shape(width=16, layers=3, gaussians=8)).eval() for _ in range(2))
    return _Ensemble(
        name=f"random {HOSTILE}",
        targets=(FORMATION_ENERGY, BAND_GAP),
        elements=frozenset({"Na", "Cl", "Fe", "O"}),
        members=members,
        baseline=Baseline(np.zeros((MAX_ELEMENT + 1, 2)), np.array([0.3, 1.6])),
        calibrations=(),
        novelty=Novelty(np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1), dtype=np.float32), 1.0),
    )


def salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.69), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def drawn(figure: Figure) -> str:
    """All that is written in a still figure."""
    figure.draw_without_rendering()
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def numbers_in(figure: go.Figure) -> str:
    return str(figure.to_json())


def is_blank(path: Path) -> bool:
    return float(imread(path)[..., :3].std()) < 0.02


def judged(n: int = 300) -> Judged:
    generator = np.random.default_rng(2)
    truth = generator.normal(size=n)
    deviation = 0.05 + 0.1 * generator.random(n)
    chemistry = [("Na", "Cl"), ("Fe", "O"), ("Fe", "Ti"), ("Ga", "As"), ("Zn", "S"), ("Li", "H"), ("Ti", "C")]
    return Judged(
        truth=truth,
        mean=truth + deviation * generator.normal(size=n),
        deviation=deviation,
        raw_deviation=0.4 * deviation,
        elements=[chemistry[k % 7] for k in range(n)],
    )


# ---- what is written


def test_explaining_writes_pictures_and_one_page(ensemble: GnnEnsemble, tmp_path: Path) -> None:
    structure = salt()
    shown = contributions(structure, ensemble, HOSTILE)
    files = explain_pictures(structure, ensemble, tmp_path, HOSTILE, shown, "salt")
    names = ["salt-formation_energy.png", "salt-band_gap.png", "salt-messages.png", "salt.html"]
    assert [file.name for file in files] == names
    assert not any(is_blank(file) for file in files[:-1])
    page = files[-1].read_text(encoding="utf-8")
    own = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert "alert(1)" in own, "the name is shown"
    assert "<b>" not in own
    assert page.count("<script>alert") == 0
    assert page.count("\\u003cscript\\u003ealert") == 0, "nor does plotly get it as markup"
    value = f"{shown[0].elements[17]:.12f}"[:10]
    assert value in page, "the page holds the numbers that were attributed"


def test_quality_writes_all_pictures_and_one_page(tmp_path: Path) -> None:
    curve = Curve("own", np.array([50.0, 200.0]), np.array([0.3, 0.1]), np.array([0.02, 0.0]))
    files = quality_pictures(FORMATION_ENERGY, judged(), HOSTILE, tmp_path, [curve])
    names = ["parity", "calibration", "deviation", "elements", "classes", "learning"]
    assert [file.name for file in files[:-1]] == [f"formation_energy-{name}.png" for name in names]
    assert not any(is_blank(file) for file in files[:-1])
    page = files[-1].read_text(encoding="utf-8")
    assert page.count('class="plotly-graph-div"') == 6
    assert "<script>alert" not in page
    assert "src=" not in re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL), "it needs no network"


def test_crystals_without_a_known_value_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judged(60)
    truth = whole.truth.copy()
    truth[10:] = np.nan
    written: list[Picture] = []
    monkeypatch.setattr(
        "athanor.agent.pictures.quality.write_pictures", lambda pictures, *rest: written.extend(pictures) or ()
    )
    some = Judged(truth, whole.mean, whole.deviation, whole.raw_deviation, whole.elements)
    quality_pictures(FORMATION_ENERGY, some, "made up", tmp_path)
    assert "10 crystals" in drawn(written[0].still)
    nothing = Judged(np.full(60, np.nan), whole.mean, whole.deviation, None, whole.elements)
    with pytest.raises(ValueError, match="no crystal has a known value"):
        quality_pictures(FORMATION_ENERGY, nothing, "made up", tmp_path)


# ---- what the pictures say


def made_up(**changes: Any) -> Contributions:
    return Contributions(
        **{
            "crystal": "salt",
            "property": "formation_energy",
            "unit": "eV/atom",
            "predictor": "made up",
            "prediction": -2.1,
            "reference": -0.1,
            "atoms": np.array([-0.1] * 4 + [-0.4] * 4),
            "elements": {11: -0.4, 17: -1.6},
            "occlusion": {11: -0.321, 17: -1.7},
        }
        | changes
    )


def test_a_crystal_is_shown_with_sums_unit_and_predictor() -> None:
    structure = salt()
    numbers = np.array(structure.atomic_numbers)
    picture = crystal_picture("salt", structure.lattice.matrix, structure.frac_coords, numbers, made_up())
    text = drawn(picture.still)
    for part in ("Cl ×4\n−1.600", "Na ×4\n−0.400", "(eV/atom)", "predicted", "made up", "reference, −0.100"):
        assert part in text
    # 4 sodium atoms are drawn at 14 places of the cubic cell, 4 chlorine atoms at 13.
    assert text.split(" | ").count("Na") == 14
    assert text.split(" | ").count("Cl") == 13
    moving = numbers_in(picture.moving)
    assert "-0.321" in moving
    assert "Na, atom 1: −0.100 eV/atom" in json.dumps(json.loads(moving), ensure_ascii=False)


def test_names_are_no_markup_and_no_mathematics() -> None:
    structure = salt()
    numbers = np.array(structure.atomic_numbers)
    shown = made_up(crystal=HOSTILE, predictor=HOSTILE)
    picture = crystal_picture("x", structure.lattice.matrix, structure.frac_coords, numbers, shown)
    assert r"\$x_\$" in drawn(picture.still)
    assert "<b>" not in picture.moving.layout.title.text
    assert "&lt;script&gt;" in picture.moving.layout.title.text


def test_bonds_join_nearest_neighbours_only() -> None:
    structure = salt()
    scene = scene_of(structure.lattice.matrix, structure.frac_coords, np.array(structure.atomic_numbers))
    lengths = np.linalg.norm(scene.places[scene.bonds[:, 0]] - scene.places[scene.bonds[:, 1]], axis=1)
    assert len(scene.places) == 27
    assert len(lengths) == 54, "the lines of a 3 × 3 × 3 lattice"
    assert lengths == pytest.approx(5.69 / 2)
    assert len(scene.edges) == 12


def passing() -> Passing:
    return Passing(
        crystal="salt",
        predictor="made up",
        names=("Na ×4", "Cl ×4"),
        receivers=np.array([0, 1, 0]),
        senders=np.array([1, 0, 0]),
        distances=np.array([2.845, 2.845, 4.02]),
        counts=np.array([6, 6, 12]),
        gates=np.array([[0.2, 0.8, 0.5], [0.4, 0.6, 0.123456]]),
        changes=np.array([[0.5, 1.0], [0.25, 2.0]]),
    )


def test_message_passing_shows_distances_neighbours_and_gates_as_widths() -> None:
    picture = message_picture("messages", passing())
    text = drawn(picture.still)
    for part in ("2.85 Å\n×6", "Na\n×4", "round 2", "2 of 3 edges are drawn"):
        assert part in text
    widths = [[line.get_linewidth() for line in axes.lines] for axes in picture.still.axes[1:3]]
    assert [one / two for one, two in widths] == pytest.approx([0.25, 0.4 / 0.6])
    gates = next(trace for trace in picture.moving.data if trace.type == "heatmap")
    assert list(gates.z[1]) == [0.5, 0.123456], "the edges that are not drawn stand in the table"
    assert gates.y[1] == "Na ← Na 4.02 Å ×12"


def test_a_crystal_without_neighbours_and_one_of_many_kinds_are_drawn() -> None:
    nobody = np.empty(0, dtype=np.int64)
    alone = Passing("He", "p", ("He ×1",), nobody, nobody, np.empty(0), nobody, np.empty((2, 0)), np.zeros((2, 1)))
    assert "0 of 0 edges" in drawn(message_picture("alone", alone).still)
    receivers, senders = np.divmod(np.arange(144), 12)
    many = Passing(
        "many", "p", tuple(f"O{n} ×1" for n in range(12)), receivers, senders, np.full(144, 2.0),
        np.ones(144, dtype=np.int64), np.full((4, 144), 0.5), np.ones((4, 12)),
    )  # fmt: skip
    assert "144 of 144 edges" in drawn(message_picture("many", many).still)


def test_parity_states_the_error_and_shows_deviations_of_few() -> None:
    truth = np.linspace(-1, 1, 20)
    few = parity("p", "band_gap", "eV", truth, truth + 0.25, np.full(20, 0.0625), [HOSTILE] * 20)
    assert "MAE 0.250 eV, 20 crystals" in drawn(few.still)
    assert "standard deviation" in drawn(few.still)
    assert list(few.moving.data[0].error_y.array) == [0.0625] * 20
    assert "<" not in few.moving.data[0].text[0]
    truth = np.linspace(-1, 1, 5000)
    many = parity("p", "band_gap", "eV", truth, truth + 0.25, np.full(5000, 0.1))
    assert "standard deviation" not in drawn(many.still)
    assert float(np.nansum(many.moving.data[0].customdata)) == 5000


def test_the_calibration_curve_states_the_area() -> None:
    error = np.random.default_rng(0).normal(size=4000)
    picture = calibration_curve("c", "band_gap", error, {"before": np.full(4000, 3.0), "after": np.ones(4000)})
    before, after = (float(trace.name.split(" ")[-1]) for trace in picture.moving.data[1:])
    assert after < 0.02 < 0.2 < before
    assert f"{before:.3f}" in drawn(picture.still)


def test_errors_by_element_are_means_over_the_crystals_that_hold_it() -> None:
    elements = [("Na", "Cl"), ("Na", "Cl"), ("K", "Cl")]
    picture = error_by_element("e", "band_gap", "eV", elements, np.array([0.125, -0.375, 0.5]))
    shown = picture.moving.data[0]
    said = {
        re.sub("<.*?>", " ", text).split()[0]: hover for text, hover in zip(shown.text, shown.hovertext, strict=True)
    }
    assert "0.250 eV" in said["Na"]
    assert "2 crystals" in said["Na"]
    assert "0.500 eV" in said["K"]
    assert "1 crystal" in said["K"]
    assert "0.250" in drawn(picture.still)
    assert set(said) == {"Na", "K", "Cl"}


def test_compounds_are_classed_by_their_most_electronegative_element() -> None:
    assert [chemistry_of(e) for e in (("Ca", "Ti", "O"), ("Bi", "O", "F"), ("Ga", "As"), ("Zn", "S"))] == [
        "oxide", "halide", "pnictide", "chalcogenide"
    ]  # fmt: skip
    assert [chemistry_of(e) for e in (("Ni", "Al"), ("Li", "H"), ("Ti", "C"), ("He",))] == [
        "intermetallic", "hydride", "other", "other"
    ]  # fmt: skip


def test_errors_by_class_and_number_of_elements() -> None:
    elements = [("Na", "Cl"), ("K", "Cl"), ("Fe",), ("Ca", "Ti", "O")]
    picture = error_by_class("c", "band_gap", "eV", elements, np.array([0.1, -0.3, 0.5, 0.7]))
    classes, numbers = picture.moving.data
    assert dict(zip(classes.x, classes.y, strict=True)) == pytest.approx(
        {"halide": 0.2, "intermetallic": 0.5, "oxide": 0.7}
    )
    assert dict(zip(numbers.x, numbers.customdata, strict=True)) == {"1": 1, "2": 2, "3": 1}


def test_sparsification_falls_where_the_deviation_is_right() -> None:
    deviation = np.linspace(0.1, 1.0, 400)
    picture = error_by_deviation("d", "band_gap", "eV", deviation, deviation)
    best, stated = picture.moving.data[3].y, picture.moving.data[2].y
    assert stated == pytest.approx(best)
    assert stated[-1] < 0.3 * stated[0]
    assert "deviation 1.00" in drawn(picture.still)


def test_a_learning_curve_keeps_every_point() -> None:
    curve = Curve(HOSTILE, np.array([50.0, 800.0]), np.array([0.5, 0.125]), np.array([0.03125, 0.0]))
    picture = learning_curve("l", "band_gap", "eV", [curve])
    assert list(picture.moving.data[0].y) == [0.5, 0.125]
    assert list(picture.moving.data[0].error_y.array) == [0.03125, 0.0]
    assert "<" not in picture.moving.data[0].name
    assert r"\$x_\$" in drawn(picture.still)


# ---- names of files, refusals, the command


def test_a_name_makes_no_path_and_no_strange_file() -> None:
    assert file_stem("../../etc/<b>$x$.cif") == "etc_b_x_cif"
    assert file_stem("…") == "crystal"


def test_only_networks_and_known_properties_are_explained(ensemble: GnnEnsemble) -> None:
    class Other:
        name, targets, elements = "other", (), frozenset[str]()

        def predict(self, structures: Any) -> Predictions:
            raise NotImplementedError

    with pytest.raises(UserError, match="other: only an ensemble"):
        contributions(salt(), Other(), "salt")
    with pytest.raises(UserError, match=r"hardness: .*allowed: formation_energy, band_gap"):
        contributions(salt(), ensemble, "salt", ["hardness"])


@pytest.fixture
def shipped(ensemble: GnnEnsemble, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with a made-up predictor, and pages that do not hold five megabytes each."""
    monkeypatch.setattr("athanor.tools.predictor.shipped_predictor", lambda: ensemble)

    def light(pictures: Any, folder: Path, name: str, heading: str) -> tuple[Path, ...]:
        return (*(folder / f"{picture.name}.png" for picture in pictures), folder / f"{name}.html")

    monkeypatch.setattr("athanor.agent.pictures.explain.write_pictures", light)


@pytest.mark.usefixtures("shipped")
def test_the_command_prints_contributions_by_element(tmp_path: Path) -> None:
    path = tmp_path / "salt.cif"
    salt().to(filename=str(path))
    arguments = ["explain", str(path), "--out", str(tmp_path / "out"), "--property", "formation_energy"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    for part in ("Na", "Cl", "(eV/atom)", "Attribution of a prediction by random", "salt_cif.html"):
        assert part in done.output
    assert "band gap" not in done.output
    said = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    (crystal,) = said["crystals"]
    (energy,) = crystal["properties"]
    total = sum(row["contribution"] for row in energy["elements"])
    assert total == pytest.approx(energy["prediction"] - energy["reference"], abs=1e-3)
    assert said["method"] == "attribution of a prediction"


@pytest.mark.usefixtures("shipped")
def test_the_command_refuses_what_the_predictor_never_saw_and_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("athanor.agent.explain_cli.MOST", 4)
    folder = tmp_path / "crystals"
    folder.mkdir()
    gold = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.08), ["Au"], [[0, 0, 0]])
    gold.to(filename=str(folder / "a.cif"))
    iron = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for n in range(4):
        iron.to(filename=str(folder / f"b{n:02d}.vasp"), fmt="poscar")
    done = CliRunner().invoke(app, ["explain", str(folder), "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 1
    said = json.loads(done.output)
    assert len(said["crystals"]) == 4
    assert said["more_were_given"]
    assert "Au: never seen in training" in said["crystals"][0]["refusal"]
    pages = [crystal["files"][-1] for crystal in said["crystals"][1:]]
    assert len(set(pages)) == 3


def test_a_still_and_a_page_are_written_for_each_picture(tmp_path: Path) -> None:
    still = Figure(figsize=(1, 1))
    still.subplots().plot([0, 1], [0, 1])
    moving = go.Figure(go.Scatter(x=[0, 1], y=[0.123456, 1]))
    png, page = write_pictures([Picture("one", still, moving)], tmp_path / "new", "all", HOSTILE)
    assert not is_blank(png)
    text = page.read_text(encoding="utf-8")
    assert "0.123456" in text
    assert "<title>&lt;script&gt;alert(1)" in text
