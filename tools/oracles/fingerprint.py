"""What decides an oracle's answers, as a hash: two oracles of one fingerprint answer a candidate alike.

Knows the settings of oracles and where their answers come from. Must not build an oracle.
"""

from __future__ import annotations

import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path

from ..properties.predicted import weights_of
from .oracle import FunctionSettings, ManualSettings, OracleSettings, SimulationSettings, TableSettings

_LIMITS = {"max_cpu_seconds"}
"""Settings that decide whether there is an answer, not which."""
_PACKAGES = {"chgnet": "chgnet", "sevennet": "sevenn", "sevennet-l3i5": "sevenn"}


def fingerprint(settings: OracleSettings) -> str:
    """Hash what decides an oracle's answers: settings, versions, and the content of files and modules they name.

    Returns:
        16 hexadecimal digits; empty where a file or module cannot be read or people answer, and then nothing may be
        concluded.
    """
    try:
        parts = [settings.model_dump_json(exclude=_LIMITS | {"file", "references", "predictor"}), *_sources(settings)]
    except (OSError, ImportError, ValueError):
        return ""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _sources(settings: OracleSettings) -> list[str]:
    match settings:
        case ManualSettings():
            raise ValueError("who measures, and by what, is not known")
        case TableSettings():
            return [_digest(settings.file)]
        case FunctionSettings():
            return [_module(settings.function), *_inference(settings)]
        case SimulationSettings():
            own = [f"{name} {version(name)}" for name in ("athanor", "ase")]
            if settings.references is not None:
                own.append(_digest(settings.references))
            if settings.predictor is not None:
                own.append(f"predictor {_digest(weights_of(settings.predictor))}")
            package = _PACKAGES.get(settings.calculator)
            return [*own, f"{package} {version(package)}" if package else _module(settings.calculator)]


def _inference(settings: FunctionSettings) -> list[str]:
    """What decides what follows from traces: the package, and problem files."""
    if not settings.traces:
        return []
    files = {one.problem for one in settings.traces.values() if Path(one.problem).is_file()}
    return [f"athanor {version('athanor')}", *(_digest(Path(file)) for file in sorted(files))]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _module(function: str) -> str:
    """The source of the module that a `module:name` names; what that imports in its turn is not looked at."""
    spec = importlib.util.find_spec(function.partition(":")[0])
    if spec is None or not spec.origin:
        raise ImportError(f"{function} has no source")
    return _digest(Path(spec.origin))
