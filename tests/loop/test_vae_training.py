"""What a VAE is taught: sources, labels, descriptions, what is left out; resumed and continued trainings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from labelled_files import write_csv
from made_up_campaign import pool_state, state
from pymatgen.core import Lattice, Structure
from vae_lessons import LEARNING, salt, salt_cif, salts

from athanor.agent.executors import InlineExecutor
from athanor.memory.errors import UserError
from athanor.models.target import BAND_GAP, ENERGY_ABOVE_HULL, FORMATION_ENERGY
from athanor.models.vae import learn
from athanor.models.vae.learn import VaeTask, train_passes
from athanor.models.vae.settings import VaePass, VaeSettings
from athanor.models.vae.weights import load_vae
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.wyckoff_crystal import WyckoffCrystal
from athanor.tools.crystals.wyckoff import from_wyckoff
from athanor.tools.vae_training import descriptions
from athanor.tools.vae_training.lessons import settings_for, task_of
from athanor.tools.vae_training.prepare import Prepared, prepare
from athanor.tools.vae_training.sources import TARGETS, Source, campaign_source, read_source
from athanor.tools.vae_training.teach_vae import TaughtVae, teach_vae

SETTINGS = VaeSettings(epochs=4, processes=1, **LEARNING)  # type: ignore[arg-type]


def ignore(*told: Any) -> None:
    """Hear nothing."""


def prepared(cache: Path, sources: Sequence[Source], validation: Sequence[Source] = (), **given: Any) -> Prepared:
    return prepare(sources, validation, cache, 1, given.get("start"), ignore)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Prepared:
    path = write_csv(tmp_path_factory.mktemp("data") / "salts.csv", salts())
    return prepared(cache, [read_source(path)])


@pytest.fixture(scope="module")
def task(both: Prepared) -> VaeTask:
    return task_of(both.training, both.validation)


def taught(task: VaeTask, folder: Path, settings: VaeSettings = SETTINGS) -> TaughtVae:
    return teach_vae(task, settings, folder, InlineExecutor(), ignore, {"data": "made up"})


@pytest.fixture(scope="module")
def whole(task: VaeTask, tmp_path_factory: pytest.TempPathFactory) -> TaughtVae:
    return taught(task, tmp_path_factory.mktemp("whole"))


# Sources


def test_columns_are_known_by_their_names(tmp_path: Path, both: Prepared) -> None:
    source = read_source(write_csv(tmp_path / "salts.csv.gz", salts()))
    assert source.columns == {
        FORMATION_ENERGY: "formation_energy_per_atom",
        BAND_GAP: "band_gap",
        ENERGY_ABOVE_HULL: "e_above_hull",
    }
    assert both.n_read == 48
    labels = both.training.labelled.labels
    assert labels[0] == pytest.approx([-2.0, 3.0, 0.0])
    assert np.isfinite(labels).all()


def test_a_folder_of_cifs_needs_no_labels(tmp_path: Path, cache: Path) -> None:
    for k in range(48):
        (tmp_path / f"salt-{k:02d}.cif").write_text(salt_cif(k))
    (tmp_path / "notes.md").write_text("no crystal")
    source = read_source(tmp_path)
    assert source.columns == {}
    found = prepared(cache, [source])
    assert len(found.training) + len(found.validation) == 48
    assert np.isnan(found.training.labelled.labels).all()
    assert not found.notes


@pytest.mark.parametrize("kind", ["cif", "json", "extxyz", "csv"])
def test_files_of_all_kinds_add_up(tmp_path: Path, cache: Path, both: Prepared, kind: str) -> None:
    table = read_source(write_csv(tmp_path / "salts.csv", salts()))
    new, path = Structure(Lattice.cubic(3.9), ["Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]), tmp_path / f"one.{kind}"
    if kind == "csv":
        write_csv(path, [{"cif": str(new.to(fmt="cif")), "E_Above_Hull": 0.5}])
    elif kind == "json":
        path.write_text(json.dumps([{"structure": new.as_dict(), "e_above_hull": 0.5}]))
    elif kind == "extxyz":
        atoms = new.to_ase_atoms()
        atoms.info["e_above_hull"] = 0.5
        atoms.write(path)
    else:
        path.write_text(str(new.to(fmt="cif")))
    found = prepared(cache, [table, read_source(path)])
    assert found.n_read == 49
    sides = (found.training.labelled, found.validation.labelled)
    labels = [
        row for side in sides for row, names in zip(side.labels, side.crystals.symbols(), strict=True) if "O" in names
    ]
    if labels:  # else it was held out, and left out as no crystal to learn from holds titanium
        assert np.isnan(labels[0][:2]).all()
        assert np.isnan(labels[0][2]) if kind == "cif" else labels[0][2] == 0.5
    else:
        assert any("an element that no crystal" in str(note) for note in found.held_out_notes)


def test_two_columns_of_one_property_are_refused(tmp_path: Path) -> None:
    rows = [{**row, "formation_energy": -1.0} for row in salts()]
    with pytest.raises(UserError, match="columns formation_energy_per_atom and formation_energy both hold"):
        read_source(write_csv(tmp_path / "salts.csv", rows))


def test_another_unit_is_refused(tmp_path: Path, cache: Path) -> None:
    rows = [{**row, "band_gap": 1000 * row["band_gap"]} for row in salts()]
    with pytest.raises(UserError, match="multiply by 0.001.*If they are right, rename the column"):
        prepared(cache, [read_source(write_csv(tmp_path / "salts.csv", rows))])


def test_what_a_vae_cannot_learn_is_left_out_and_counted(tmp_path: Path, cache: Path) -> None:
    mixed = Structure(Lattice.cubic(4.0), [{"Ti": 0.5, "Zr": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    random = np.random.default_rng(0)
    places = np.array([(k % 3 / 3, k // 3 % 3 / 3, k // 9 / 4) for k in range(28)]) + 0.06 * random.random((28, 3))
    many = Structure(Lattice.cubic(9.0), ["O", "Ti"] * 14, places)
    dense = Structure(Lattice.cubic(2.1), ["C", "C"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    cifs = [str(one.to(fmt="cif")) for one in (mixed, many, dense)]
    rows = [{**salts()[0], "cif": text, "material_id": f"bad-{k}"} for k, text in enumerate([*cifs, "data_broken"])]
    found = prepared(cache, [read_source(write_csv(tmp_path / "salts.csv", [*salts(), *rows]))])
    told = " ".join(map(str, found.notes))
    for reason, name in (
        ("partial occupancy", "bad-0"),
        ("more than 20 atoms in the primitive cell", "bad-1: 28 atoms"),
        ("smaller or longer than the network can write", "bad-2"),
        ("0 atoms", "bad-3"),
    ):
        assert f"1 crystals left out: {reason}" in told or reason in told, told
        assert name in told
    assert found.n_read == 48


def test_too_few_crystals_are_refused_with_reasons(tmp_path: Path, cache: Path) -> None:
    rows = [*salts()[:5], {**salts()[0], "cif": "data_broken"}]
    with pytest.raises(UserError, match=r"5 crystals to learn from; 20 or more are needed\n  1 crystals left out"):
        prepared(cache, [read_source(write_csv(tmp_path / "few.csv", rows))])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the folder holds no crystal"):
        read_source(tmp_path)


# A campaign's results


def test_a_campaign_is_learned_from(cache: Path) -> None:
    campaign = state(60)
    source = campaign_source("stiff", campaign.completed)
    assert len(source.rows) == len(campaign.completed) > 40
    found = prepared(cache, [source])
    first = campaign.completed[0]
    sides = (found.training.labelled, found.validation.labelled)
    rows = {name: row for side in sides for name, row in zip(side.names, side.labels, strict=True)}
    said = rows[f"stiff/{first.number}"]
    assert said[0] == pytest.approx(first.values["formation_energy"])
    assert said[2] == pytest.approx(first.values["energy_above_hull"])
    assert np.isnan(said[1])


def test_the_relaxed_crystal_counts() -> None:
    campaign = state(4, failing=0.0)
    trial = campaign.completed[0]
    assert trial.outcome is not None
    longer = trial.outcome.crystal.model_copy(update={"lattice": ((9.0, 0, 0), (0, 9.0, 0), (0, 0, 9.0))})  # type: ignore[union-attr]
    relaxed = replace(trial, outcome=trial.outcome.model_copy(update={"crystal": longer}))
    assert json.loads(campaign_source("stiff", [relaxed]).rows[0].text)["lattice"][0][0] == 9.0


def test_a_campaign_without_crystals_is_refused() -> None:
    with pytest.raises(UserError, match="no trial was completed with a crystal"):
        campaign_source("mixing", pool_state().completed)


# Held out


def test_no_compound_stands_on_both_sides(both: Prepared) -> None:
    sides = [{*side.labelled.crystals.compositions()} for side in (both.training, both.validation)]
    assert not sides[0] & sides[1]
    assert len(both.validation) == 4


def test_crystals_of_the_validation_file_are_not_learned_from(tmp_path: Path, cache: Path) -> None:
    whole = read_source(write_csv(tmp_path / "salts.csv", salts()))
    rows = [{**row, "cif": str(salt(k).make_supercell([2, 1, 1]).to(fmt="cif"))} for k, row in enumerate(salts()[:6])]
    found = prepared(cache, [whole], [read_source(write_csv(tmp_path / "some.csv", rows))])
    assert (len(found.training), len(found.validation)) == (42, 6)
    assert any("6 crystals stand in the validation set too" in str(note) for note in found.notes)


# Descriptions


def test_a_crystal_is_described_once(tmp_path: Path, both: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    crystals = both.training.labelled.crystals
    asked: list[int] = []
    original = descriptions.describe_cells

    def counting(cells: Sequence[descriptions.Cell]) -> list[descriptions.Description]:
        asked.append(len(cells))
        return original(cells)

    monkeypatch.setattr(descriptions, "describe_cells", counting)
    some = crystals.take(np.arange(10))
    first = descriptions.described(some, tmp_path, 1, ignore)
    assert descriptions.described(some, tmp_path, 1, ignore) == first
    assert asked == [10]
    assert descriptions.described(crystals, tmp_path, 1, ignore)[:10] == first
    assert asked == [10, len(crystals) - 10]
    (file,) = tmp_path.glob("wyckoff-*.json")
    file.write_bytes(file.read_bytes()[:500])
    assert descriptions.described(some, tmp_path, 1, ignore) == first
    assert asked[-1] == 10


def test_what_was_refused_is_kept_too(tmp_path: Path, both: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    some = both.training.labelled.crystals.take(np.arange(3))
    monkeypatch.setattr(descriptions, "MAX_ATOMS", 1)
    first = descriptions.described(some, tmp_path, 1, ignore)
    assert not any(isinstance(found, WyckoffCrystal) for found in first)
    monkeypatch.setattr(descriptions, "describe_cells", None)
    assert descriptions.described(some, tmp_path, 1, ignore) == first


# Training


def test_what_is_kept_of_a_training(whole: TaughtVae, task: VaeTask) -> None:
    figures = json.loads((whole.weights.parent / "figures.json").read_text())
    assert figures == json.loads(json.dumps(whole.figures))
    assert figures["n_training"] == len(task.training) == 44
    assert figures["passes"] == 4
    assert figures["best"]["epoch"] == whole.best.epoch
    assert set(figures["best"]["property_errors"]) == {target.name for target in TARGETS}
    assert figures["seconds"] > 0
    assert {"torch", "moyopy", "athanor"} <= set(figures["packages"])
    assert figures["data"] == "made up"
    found = load_vae(whole.weights)
    assert found.targets == TARGETS
    assert found.elements == task.elements
    points = found.sample(8, seed=0)
    assert len(found.decode(points, DecodingWish())) == 8


def test_the_weights_bring_a_sample_of_what_they_learnt(whole: TaughtVae, task: VaeTask, both: Prepared) -> None:
    sample = load_vae(whole.weights).reference
    assert sample is not None
    # Of so few crystals all are taken, in their order.
    crystals = both.training.crystals
    assert len(sample.formula) == len(crystals) == len(task.training)
    structures = [from_wyckoff(crystal) for crystal in crystals]
    assert sample.formula == tuple(structure.composition.reduced_formula for structure in structures)
    assert sample.spacegroup.tolist() == [crystal.spacegroup for crystal in crystals]
    assert sample.n_atoms.tolist() == [len(structure) for structure in structures]
    assert sample.volume_per_atom == pytest.approx([one.volume / len(one) for one in structures], rel=1e-4)
    assert sample.mean == pytest.approx(load_vae(whole.weights).encode(crystals).mean, abs=5e-3)
    for k, target in enumerate(task.targets):
        assert sample.properties[target.name] == pytest.approx(task.training.labels[:, k].numpy(), nan_ok=True)


def test_a_killed_training_ends_with_the_same_weights(task: VaeTask, whole: TaughtVae, tmp_path: Path) -> None:
    run = train_passes(task, SETTINGS, tmp_path)
    next(run)
    del run
    resumed = taught(task, tmp_path)
    for name, value in whole.vae.network.state_dict().items():
        assert value.equal(resumed.vae.network.state_dict()[name]), name
    assert np.array_equal(whole.vae.prior.means, resumed.vae.prior.means)
    assert [done.validation for done in resumed.passes] == [done.validation for done in whole.passes]


def test_another_task_does_not_go_on(task: VaeTask, whole: TaughtVae) -> None:
    folder = whole.weights.parent
    with pytest.raises(UserError, match=r"begun with settings\.beta 0\.7, this is 0\.2"):
        taught(task, folder, replace(SETTINGS, beta=0.2))
    with pytest.raises(UserError, match=r"begun with settings\.shape\.latent 4, this is 5"):
        taught(task, folder, replace(SETTINGS, shape=replace(SETTINGS.shape, latent=5)))
    with pytest.raises(UserError, match="begun with training "):
        taught(replace(task, training=task.validation), folder)
    with pytest.raises(UserError, match="begun with weights to begin with none, this is "):
        taught(replace(task, start=whole.vae.network.state_dict()), folder)


def test_a_truncated_checkpoint_is_told(task: VaeTask, tmp_path: Path) -> None:
    taught(task, tmp_path, replace(SETTINGS, epochs=1))
    path = tmp_path / "vae.checkpoint"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"vae\.checkpoint: the checkpoint cannot be read .*delete it to train anew"):
        taught(task, tmp_path, replace(SETTINGS, epochs=1))


def test_it_stops_early(task: VaeTask, tmp_path: Path) -> None:
    # Steps this large only make it worse.
    settings = replace(SETTINGS, epochs=40, patience=2, learning_rate=0.2, warm_up=0.05)
    done = taught(task, tmp_path, settings)
    assert len(done.passes) < 40
    assert done.passes[-1].finished
    assert done.best.epoch < done.passes[-1].epoch


def test_collapse_and_missing_labels_are_warned_of(task: VaeTask, tmp_path: Path) -> None:
    labels = torch.full_like(task.training.labels, torch.nan)
    blind = replace(task, training=replace(task.training, labels=labels))
    # The KL term outweighs all else: nothing goes through latent space.
    done = taught(blind, tmp_path, replace(SETTINGS, epochs=12, beta=1e4, warm_up=0.01))
    told = " ".join(done.warnings)
    assert "it does without latent points" in told, done.passes
    assert "band_gap: 0 labels to learn from, fewer than 20" in told
    assert list(done.warnings) == json.loads((tmp_path / "figures.json").read_text())["warnings"]


def test_unused_dimensions_are_warned_of(task: VaeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = learn.look
    monkeypatch.setattr(learn, "look", lambda *given: replace(original(*given), active_units=0))
    done = taught(task, tmp_path, replace(SETTINGS, epochs=1))
    assert "posterior collapse: 0 of 4 latent dimensions are in use, fewer than 25 %" in done.warnings[0]


# Learning on


def test_it_learns_on_from_weights(whole: TaughtVae, tmp_path: Path, cache: Path) -> None:
    other = Structure(Lattice.cubic(3.9), ["Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    rows = [*salts(1.05), {**salts()[0], "cif": str(other.to(fmt="cif"))}]
    found = prepared(cache, [read_source(write_csv(tmp_path / "more.csv", rows))], start=whole.vae)
    assert any("an element that the VAE to begin with never saw (x-0: O, Ti)" in str(note) for note in found.notes)
    task = task_of(found.training, found.validation, whole.vae)
    assert (task.elements, task.scales) == (whole.vae.elements, whole.vae.scales)
    settings = settings_for(len(task.training), replace(SETTINGS, epochs=1), whole.vae)
    assert settings.learning_rate == pytest.approx(0.2 * SETTINGS.learning_rate)
    still = replace(settings, learning_rate=1e-12)
    done = taught(task, tmp_path / "still", still)
    before = whole.vae.network.state_dict()
    for name, value in done.vae.network.state_dict().items():
        assert torch.allclose(value, before[name], atol=1e-6), name
    moved = taught(task, tmp_path / "moved", settings)
    assert any(not value.equal(before[name]) for name, value in moved.vae.network.state_dict().items())


def test_batches_of_few_crystals_are_small() -> None:
    standard = replace(SETTINGS, batch=256)
    assert [settings_for(n, standard).batch for n in (50, 2000, 30_000)] == [16, 50, 256]


def test_passes_are_told(task: VaeTask, tmp_path: Path) -> None:
    told: list[VaePass] = []
    teach_vae(task, SETTINGS, tmp_path, InlineExecutor(), told.append)
    assert [done.epoch for done in told] == [1, 2, 3, 4]
    assert told[-1].finished
