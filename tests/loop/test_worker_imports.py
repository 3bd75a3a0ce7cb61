"""What child processes that parse and describe crystals load: no torch, for each of them would load it anew."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["labelled.parse", "vae_training.descriptions", "evaluation.described"])
def test_the_children_load_no_torch(module: str) -> None:
    code = f"import sys, athanor.tools.{module}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
