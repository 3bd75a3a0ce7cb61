"""Where a VAE is trained: one process takes the graphics card if there is one, several share the processor."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from labelled_files import write_csv
from vae_lessons import LEARNING, salts

from athanor.models.device import device_for
from athanor.models.vae.learn import best_network, train_passes
from athanor.models.vae.network import CrystalNetwork, Shape
from athanor.models.vae.settings import VaeSettings
from athanor.tools.vae_training.lessons import task_of
from athanor.tools.vae_training.prepare import prepare
from athanor.tools.vae_training.sources import read_source


def test_a_card_is_for_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert device_for(1).type == "cuda"
    assert device_for(2).type == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device_for(1).type == "cpu"


def test_the_table_of_positions_goes_where_the_network_goes() -> None:
    shape = Shape(width=16, heads=2, encoder_blocks=1, kind_blocks=1, frame_blocks=1, place_blocks=1, latent=4)
    network = CrystalNetwork(shape, ("Na", "Cl"), 1).to("meta")
    table = network.words.table
    assert {getattr(table, field.name).device.type for field in fields(table)} == {"meta"}
    assert not any(name.startswith("words.exists") for name in network.state_dict())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card, and torch sees none")
def test_a_training_on_a_card_gives_weights_that_the_processor_reads(tmp_path: Path) -> None:
    source = read_source(write_csv(tmp_path / "salts.csv", salts()))
    both = prepare([source], [], tmp_path, 1, None, lambda *told: None)
    task, settings = task_of(both.training, both.validation), VaeSettings(epochs=4, processes=1, **LEARNING)  # type: ignore[arg-type]
    passes = list(train_passes(task, settings, tmp_path))
    assert passes[-1].training.reconstruction > passes[0].training.reconstruction
    weights = best_network(task, settings, tmp_path).state_dict()
    assert {value.device.type for value in weights.values()} == {"cpu"}
