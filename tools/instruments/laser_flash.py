"""A simulated laser-flash instrument: a plate is pressed as asked, flashed, and its rear face is watched.

Knows the closed form of the transient and the made-up composite. Must not know the solver that infers from its traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...memory.records import Point, content_hash
from ..solving.closed_forms import laser_flash
from .composite import press

if TYPE_CHECKING:
    from ...memory.records import Crystal

_READINGS, _DURATION = 300, 4.0
_TRANSFER = 25.0
"""Heat that a face loses, W/(m2 K)."""


def measure(
    content: Crystal | Point, noise: float = 0.01, pulse: float = 0.02, outage: float = 0.0
) -> dict[str, dict[str, Any]]:
    """Measure a plate's diffusivity as a trace.

    The same plate gives the same trace: the noise is drawn from a hash of its content.

    Args:
        content: filler_fraction (1), aspect_ratio (1), diameter (um) and pressure (MPa) of a plate.
        noise: Standard deviation of a reading by the rise of the temperature without losses.
        pulse: When the flash is brightest, s.
        outage: Chance that the lamp does not fire, so that there is noise alone.

    Raises:
        TypeError: It is no point.
    """
    if not isinstance(content, Point):
        raise TypeError("a crystal cannot be pressed; filler_fraction, aspect_ratio, diameter and pressure are needed")
    wanted = {name: float(content.values[name]) for name in ("filler_fraction", "aspect_ratio", "diameter", "pressure")}
    sample = press(wanted["filler_fraction"], wanted["aspect_ratio"], wanted["diameter"] * 1e-6, wanted["pressure"])
    rng = np.random.default_rng(int(content_hash(content), 16))
    thickness = round(sample.thickness + 2e-5 * rng.standard_normal(), 6)
    t = np.linspace(_DURATION / _READINGS, _DURATION, _READINGS)
    heat = 2.2e6
    biot = _TRANSFER * thickness / (sample.diffusivity * heat)
    rise = 0.0 if rng.uniform() < outage else 1.5 * (1 + 0.1 * rng.standard_normal())
    level = 0.05 * rng.standard_normal()
    values = level + laser_flash(t, sample.diffusivity, thickness, biot, pulse, rise)
    values += noise * 1.5 * rng.standard_normal(_READINGS)
    columns = {
        "t [s]": [round(float(one), 6) for one in t],
        "temperature [K]": [round(float(one), 5) for one in values],
    }
    return {"diffusivity": {"columns": columns, "known": {"thickness": f"{1e3 * thickness:.3f} mm"}}}
