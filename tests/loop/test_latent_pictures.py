"""The pictures of inverse design: what they say, that they say it in both forms, and that foreign text does nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_campaign as made_up
import numpy as np
import plotly.graph_objects as go
import pytest
from binary_latent_model import BinaryLatentModel
from made_up_latent_model import CRYSTALS, MadeUpLatentModel
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

from athanor.agent.pictures.background import background
from athanor.agent.pictures.elbo_curve import elbo_curve
from athanor.agent.pictures.generated import generated_pictures, population, stations
from athanor.agent.pictures.generated_distributions import Population, generated_distributions
from athanor.agent.pictures.interpolation_strip import Station, interpolation_strip
from athanor.agent.pictures.latent_map import MapText, latent_map
from athanor.agent.pictures.mapped import Mapped, chemistry, elements_of, system
from athanor.agent.pictures.projection import principal_plane
from athanor.agent.pictures.style import write_pictures
from athanor.agent.reports.latent_plots import campaign_map
from athanor.agent.reports.report import write_report
from athanor.agent.standing import standing_of
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.tensor_file import read_tensors, write_tensors
from athanor.models.vae.reference import ReferenceSample, pack_reference, unpack_reference
from athanor.models.vae.settings import Bound, VaePass
from athanor.models.vae.wish import DecodingWish
from athanor.tools.inverse.aims import parse_aim
from athanor.tools.inverse.generated import Between, Generated, Step
from athanor.tools.inverse.interpolate import interpolate
from athanor.tools.inverse.judges import Judge
from athanor.tools.inverse.known import known
from athanor.tools.inverse.optimise import optimise
from athanor.tools.inverse.sample import sample

TARGETS = (FORMATION_ENERGY, BAND_GAP)
HOSTILE = "<script>alert(1)</script> $x_$ <b>bold</b>"
FORMULAS = ("MgO", "NaCl", "ZnS", "GaAs", "Al3Ni", "SiC", "SrTiO3", "Fe")
MODEL = MadeUpLatentModel()


def crystals(n: int, seed: int = 0, formula: str = "") -> Mapped:
    dice = np.random.default_rng(seed)
    points = dice.normal(size=(n, 5)) * np.array([5.0, 3.0, 1.0, 0.5, 0.1])
    values = {"formation_energy": dice.normal(size=n), "band_gap": np.maximum(dice.normal(size=n), 0.0)}
    names = [formula or FORMULAS[k % len(FORMULAS)] for k in range(n)]
    groups = [(225, 166, 62, 14, 2, 139, 194)[k % 7] for k in range(n)]
    return Mapped(points, names, groups, values, ["made up"] * n)


def reference(n: int = 40) -> ReferenceSample:
    dice = np.random.default_rng(1)
    return ReferenceSample(
        dice.normal(size=(n, 8)).astype(np.float32),
        tuple(FORMULAS[k % len(FORMULAS)] for k in range(n)),
        np.array([(225, 62)[k % 2] for k in range(n)]),
        dice.uniform(8, 30, n).astype(np.float32),
        dice.integers(1, 20, n),
        {"formation_energy": dice.normal(size=n).astype(np.float32), "band_gap": np.full(n, np.nan, np.float32)},
    )


class _WithReference(MadeUpLatentModel):
    reference = reference()


def drawn(figure: Figure) -> str:
    """All that is written in a still figure."""
    figure.draw_without_rendering()
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def content(figure: go.Figure) -> Any:
    return json.loads(str(figure.to_json()))


def is_blank(path: Path) -> bool:
    return float(imread(path)[..., :3].std()) < 0.02


def own_text(page: Path) -> str:
    """A page without plotly's own script."""
    return re.sub(r"<script[^>]*>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


# ---- the plane of a map


def test_the_plane_is_that_of_the_largest_variance_whatever_the_order() -> None:
    points = crystals(300).points
    plane = principal_plane(points)
    assert plane.axes[0] @ np.eye(5)[0] > 0.98
    assert plane.axes[1] @ np.eye(5)[1] > 0.98
    covariance = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    np.testing.assert_allclose(plane.shares, covariance[:2] / covariance.sum(), rtol=1e-10)
    again = principal_plane(points[::-1])
    np.testing.assert_allclose(again(points), plane(points), atol=1e-9)
    np.testing.assert_allclose(principal_plane(-points).axes, plane.axes, atol=1e-9)


@pytest.mark.parametrize("points", [np.zeros((0, 4)), np.zeros((2, 4)), np.zeros((5, 4)), np.ones((5, 1))])
def test_points_without_a_plane_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least"):
        principal_plane(points)


# ---- the map


def test_the_map_says_what_it_shows() -> None:
    shown = crystals(15, 3)
    text = MapText("latent space", "training crystals", "trials", True, 6, numbers=range(101, 116))
    picture = latent_map("map", crystals(200), shown, TARGETS, text, "band_gap")
    told = drawn(picture.still)
    plane = principal_plane(crystals(200).points)
    assert told.count(f"principal axis 1 ({100 * plane.shares[0]:.1f} % of the variance)") == 3
    assert f"principal axis 2 ({100 * plane.shares[1]:.1f} % of the variance)" in told
    for part in ("band gap (eV)", "training crystals (200)", "trials (15)", "best", "oxide", "intermetallic", "cubic"):
        assert part in told, part
    written = told.split(" | ")
    assert {"101", "107", "115"} <= set(written), "both ends and the best are numbered"
    assert sum(part.isdigit() and 100 < int(part) < 116 for part in written) <= 3 * 13
    dots = [len(one.get_offsets()) for one in picture.still.axes[0].collections if isinstance(one, PathCollection)]
    assert dots == [200, 15, 1]


def test_the_page_switches_the_colouring() -> None:
    picture = latent_map("map", crystals(60), crystals(4, 3), TARGETS, MapText("t", "training crystals", "generated"))
    layout = content(picture.moving)
    buttons = layout["layout"]["updatemenus"][0]["buttons"]
    assert [one["label"] for one in buttons] == ["formation energy", "band gap", "chemistry", "crystal system"]
    traces = picture.moving.data
    for button in buttons:
        visible = button["args"][0]["visible"]
        assert len(visible) == len(traces)
        shown = [len(trace.x) for trace, is_seen in zip(traces, visible, strict=True) if is_seen]
        assert sum(shown) == 64, "every crystal is seen once in every colouring"
    told = [said for trace in traces for said in (trace.hovertext or ())]
    assert any("MgO" in said and "Fm-3m (225)" in said and "made up" in said and "eV/atom" in said for said in told)


def test_crystals_without_a_value_are_grey_and_stay_on_the_map() -> None:
    whole = crystals(50)
    gaps = np.where(np.arange(50) < 20, np.nan, whole.values["band_gap"])
    some = replace(whole, values={"band_gap": gaps})
    picture = latent_map("map", some, crystals(0), TARGETS, MapText("t", "training crystals", "generated"))
    dots = picture.still.axes[0].collections[0]
    colours = np.array(dots.get_facecolor())
    assert len(colours) == 50
    assert len(np.unique(colours[:20], axis=0)) == 1
    named = [trace.name for trace in picture.moving.data]
    assert "training crystals, not known (20)" in named
    assert "formation energy" not in [b.label for b in picture.moving.layout.updatemenus[0].buttons]
    nothing = replace(whole, values={"band_gap": np.full(50, np.nan)})
    with pytest.raises(ValueError, match="no property has a value"):
        latent_map("map", nothing, crystals(0), TARGETS, MapText("t", "training crystals", "generated"))


def test_chemistry_is_read_from_formulas() -> None:
    named = {formula: chemistry(formula) for formula in ("MgO", "NaCl", "ZnS", "GaAs", "Al3Ni", "SiC", "CaH2", "")}
    assert list(named.values()) == [
        "oxide", "halide", "chalcogenide", "pnictide", "intermetallic", "other", "hydride", "not known",
    ]  # fmt: skip
    assert chemistry(HOSTILE) == "not known"
    assert elements_of("Ba2(TiO3)2") == ("Ba", "Ti", "O")
    assert system(0) == "not known"


# ---- the strip


def way(fault: int | None = None) -> tuple[Generated, list[Station]]:
    ends = [known(name, crystal, MODEL) for name, crystal in ((HOSTILE, CRYSTALS[0]), ("b.cif", CRYSTALS[-1]))]
    outcome = interpolate(MODEL, *ends, DecodingWish(), 8, 0)
    between = outcome.between
    assert between is not None
    if fault is not None:
        steps = tuple(Step(one.share, None, "dead_end") if n == fault else one for n, one in enumerate(between.steps))
        between = Between(between.ends, steps, between.recovered, between.straight)
    return replace(outcome, between=between), stations(between, outcome.made)


def test_steps_to_the_same_crystal_are_one_station() -> None:
    outcome, found = way()
    assert [one.formula for one in found] == ["NaCl", "SrTiO3"]
    assert sum(len(one.shares) for one in found) == 10
    assert found[0].end.startswith("<script>")
    assert found[-1].end == "b.cif"
    _, broken = way(fault=2)
    assert [one.formula for one in broken] == ["NaCl", "dead_end", "NaCl", "SrTiO3"], "no station reaches over a gap"
    between = outcome.between
    assert between is not None
    unlike = stations(replace(between, recovered=(False, True)), outcome.made)
    assert unlike[0].end.endswith("not recovered")


def test_the_strip_shows_crystals_values_and_gaps() -> None:
    outcome, found = way(fault=2)
    picture = interpolation_strip("strip", "From a to b", found, outcome.targets)
    told = drawn(picture.still)
    for part in ("10 steps, 3 crystals, 1 without one", "NaCl", "Fm-3m (225)", "SrTiO3", "0.00–0.11", "×: no crystal"):
        assert part in told, part
    assert "formation energy (eV/atom, predicted)" in told
    value = (found[0].values or {})["band_gap"]
    assert f"{value:.3f} eV" in told
    curve = next(axes for axes in picture.still.axes if axes.get_xlabel().startswith("share")).lines
    shares, values = curve[0].get_data()
    assert np.isnan(np.asarray(values, dtype=float)[2]), "no line bridges a gap"
    assert np.size(shares) == 10
    assert np.asarray(curve[1].get_xdata()).tolist() == pytest.approx([2 / 9])
    steps = picture.moving.layout.sliders[0].steps
    assert [step.label for step in steps] == ["0.00–0.11", "0.33–0.44", "0.56–1.00"]
    assert "SrTiO3" in steps[-1].args[1]["title.text"]
    assert "predicted" in steps[-1].args[1]["title.text"]


def test_a_long_way_is_drawn_in_rows_and_thinned() -> None:
    _, (first, _) = way()
    many = [replace(first, shares=(n / 21,), end="") for n in range(22)]
    told = drawn(interpolation_strip("strip", "t", many, TARGETS).still)
    assert "22 crystals; 21 of them are drawn" in told
    assert told.count("NaCl") == 21


def test_a_way_without_a_crystal_is_refused() -> None:
    with pytest.raises(ValueError, match="no step of the way gave a crystal"):
        interpolation_strip("strip", "t", [Station((0.0,), None, "dead_end")], TARGETS)


# ---- distributions


def test_distributions_count_and_state_the_samples() -> None:
    training = Population("training crystals", ["MgO"] * 3 + ["NaCl"], [225] * 4, np.full(4, 10.5), np.full(4, 2))
    made = Population("generated", ["SrTiO3", "MgO"], [221, 225], np.array([12.0, 10.2]), np.array([5, 2]))
    picture = generated_distributions("d", "t", training, made)
    told = drawn(picture.still)
    for part in ("training crystals (n = 4)", "generated (n = 2)", "volume per atom (Å³)", "share of crystals (%)"):
        assert part in told, part
    elements = {(t.name, x): y for t in picture.moving.data[-2:] for x, y in zip(t.x, t.y, strict=True)}
    assert elements["training crystals (n = 4)", "O"] == pytest.approx(75.0)
    assert elements["generated (n = 2)", "O"] == pytest.approx(100.0)
    assert elements["generated (n = 2)", "Cl"] == 0.0
    for trace in picture.moving.data[:8]:
        assert sum(trace.y) == pytest.approx(100.0), "volumes, sizes, numbers of elements and systems are complete"
    atoms = picture.moving.data[3]
    assert atoms.error_y.array[0] == pytest.approx(100 * np.sqrt(0.5 * 0.5 / 2))
    empty = Population("generated", [], [], np.empty(0), np.empty(0, dtype=int))
    with pytest.raises(ValueError, match="generated: no crystal"):
        generated_distributions("d", "t", training, empty)


# ---- training


def passes(n: int) -> list[VaePass]:
    bound = Bound(-1.0, -2.0, -3.0, -4.0, -5.0, 30.0)
    errors = {"formation_energy": 0.2, "band_gap": 0.4}
    return [
        VaePass(k, n, 0.01 * k, bound, replace(bound, group=-2.5), 0.9, 0.4, 60 - k, errors, 1.0 * k, k == n)
        for k in range(1, n + 1)
    ]


@pytest.mark.parametrize("n", [1, 12])
def test_training_is_shown_with_all_it_is_watched_by(n: int, tmp_path: Path) -> None:
    picture = elbo_curve("training", HOSTILE, passes(n), TARGETS)
    told = drawn(picture.still)
    for part in ("E[log p(x | z)] (nats per crystal)", "KL(q(z | x)", "β", "with the z of another crystal"):
        assert part in told, part
    assert "formation energy (eV/atom)" in told
    assert "band gap (eV)" in told
    lines = {(t.name, k): list(t.y) for k, t in enumerate(picture.moving.data)}
    assert lines["training", 0] == [-15.0] * n
    assert lines["validation", 1] == [-16.5] * n
    assert lines["active units", 7] == [59.0 - k for k in range(n)]
    files = write_pictures([picture], tmp_path, "training", HOSTILE)
    assert not is_blank(files[0])
    assert "<b>" not in own_text(files[1])


def test_training_without_a_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="no pass"):
        elbo_curve("training", "t", [], TARGETS)


# ---- what `athanor generate --plot` writes


@pytest.mark.parametrize("model", [MODEL, _WithReference()])
def test_a_way_gets_a_strip_and_a_map(model: MadeUpLatentModel, tmp_path: Path) -> None:
    outcome, _ = way()
    files = generated_pictures(outcome, model, tmp_path)
    assert [file.name for file in files] == ["strip.png", "map.png", "pictures.html"]
    assert not any(is_blank(file) for file in files[:-1])
    page = files[-1].read_text(encoding="utf-8")
    assert page.count('class="plotly-graph-div"') == 2
    assert "alert(1)" in own_text(files[-1])
    assert "<b>" not in own_text(files[-1])
    assert "<script>alert" not in page
    assert "\\u003cscript\\u003ealert" not in page
    assert "src=" not in own_text(files[-1]), "it needs no network"


def test_samples_get_distributions_where_the_model_brings_its_training_crystals(tmp_path: Path) -> None:
    outcome = sample(MODEL, DecodingWish(), (), 3, 0)
    with_reference, without = tmp_path / "with", tmp_path / "without"
    files = generated_pictures(outcome, _WithReference(), with_reference)
    assert [file.name for file in files] == ["map.png", "distributions.png", "pictures.html"]
    assert [file.name for file in generated_pictures(outcome, MODEL, without)] == ["map.png", "pictures.html"]
    assert population("generated", outcome.made).n_atoms.tolist() == [len(m.cell.species) for m in outcome.made]
    known_crystals, called = background(_WithReference())
    assert (called, known_crystals.formulas[0]) == ("training crystals", "MgO")
    assert background(MODEL)[1] == "points of the prior"


def test_a_search_is_a_path_with_its_best(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = BinaryLatentModel()

    def judge(structures: Any) -> dict[str, np.ndarray]:
        return {"band_gap": np.array([one.volume / len(one) / 10 for one in structures])}

    aim = parse_aim("band_gap=highest", model.targets)
    outcome = optimise(model, Judge("volume", judge), DecodingWish(), [aim], 2, 0, tries=15)
    written: list[Any] = []
    monkeypatch.setattr(
        "athanor.agent.pictures.generated.write_pictures", lambda pictures, *rest: written.extend(pictures) or ()
    )
    generated_pictures(outcome, model, tmp_path)
    told = drawn(written[0].still)
    assert f"judged ({len(outcome.judged)})" in told
    best = max(range(len(outcome.judged)), key=lambda n: outcome.judged[n].judged["band_gap"])
    assert str(best + 1) in told.split(" | ")
    assert written[0].still.axes[0].get_title(loc="left") == "band gap (eV)"


def test_nothing_made_gives_no_picture(tmp_path: Path) -> None:
    outcome = Generated("sample", "anything", 2, (), 4, 0, {"dead_end": 4}, MODEL.name, MODEL.targets, 0)
    assert generated_pictures(outcome, MODEL, tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


# ---- the campaign's report


class _KnowsAll(MadeUpLatentModel):
    elements = (*MadeUpLatentModel.elements, "Al", "B", "Be", "N", "Sc", "Y")


def test_a_campaign_is_a_path_on_the_map(tmp_path: Path) -> None:
    state = made_up.state(12)
    standing = standing_of(state)
    picture = campaign_map(standing, _KnowsAll())
    assert picture is not None
    told = drawn(picture.still)
    all_trials = [trial for trial in standing.trials if trial.is_finished]
    unknown = sum("Zr" in trial.candidate.content.species for trial in all_trials)
    assert unknown > 0
    assert f"trials ({len(all_trials) - unknown})" in told
    assert f"{unknown} trial" in told
    said = [text for trace in picture.moving.data for text in (trace.hovertext or ())]
    assert any("trial 1, generate/" in text and "predicted" in text for text in said)
    path = write_report(state, tmp_path, latent_model=_KnowsAll())
    assert all(path.with_name(f"latent_map.{ending}").exists() for ending in ("png", "html"))
    write_report(state, tmp_path)
    assert not path.with_name("latent_map.html").exists()


def test_a_campaign_of_points_has_no_map() -> None:
    assert campaign_map(standing_of(made_up.pool_state()), MODEL) is None


# ---- the reference sample


def test_a_reference_sample_comes_back_from_a_file(tmp_path: Path) -> None:
    whole = reference()
    tensors, about = pack_reference(whole)
    write_tensors(tmp_path / "w.safetensors", tensors, {"format": "test", **about})
    read, values = read_tensors(tmp_path / "w.safetensors", "test")
    again = unpack_reference(values, read)
    np.testing.assert_allclose(again.mean, whole.mean, atol=2e-3)
    assert (again.formula, again.spacegroup.tolist()) == (whole.formula, whole.spacegroup.tolist())
    np.testing.assert_array_equal(again.n_atoms, whole.n_atoms)
    np.testing.assert_array_equal(again.properties["formation_energy"], whole.properties["formation_energy"])
    assert np.isnan(again.properties["band_gap"]).all()
    with pytest.raises(ValueError, match="missing"):
        unpack_reference({name: one for name, one in values.items() if name != "mean"}, read)
    with pytest.raises(ValueError, match="one row for each crystal"):
        replace(whole, formula=whole.formula[:-1])
