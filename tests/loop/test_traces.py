"""Properties that come as raw traces: what is inferred, what is kept, what is refused, in a function and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erfc
from typer.testing import CliRunner, Result
from word_recall import WordRecall

from athanor.agent import assemble
from athanor.agent.campaign_file import read_campaign_file
from athanor.agent.cli import app
from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Outcome, Point, Provenance, Trace
from athanor.tools.instruments.composite import press
from athanor.tools.oracles.build import evaluate
from athanor.tools.oracles.fingerprint import fingerprint
from athanor.tools.oracles.oracle import FunctionSettings, TraceSettings
from athanor.tools.oracles.traces import infer
from athanor.tools.solving.closed_forms import laser_flash
from athanor.tools.solving.solve import _INTERVALS
from athanor.tools.solving.trace import read_trace, write_trace

FLASH = {"diffusivity": {"problem": "laser_flash", "known": {"pulse": "20 ms"}}}
PLATE = {"filler_fraction": 0.3, "aspect_ratio": 10.0, "diameter": 20.0, "pressure": 10.0}


def plate(**change: float) -> Candidate:
    return Candidate(content=Point(values=PLATE | change), provenance=Provenance(tool="test"))


def flash(**arguments: float) -> FunctionSettings:
    return FunctionSettings.model_validate(
        {
            "function": "athanor.tools.instruments.laser_flash:measure",
            "properties": {"diffusivity": "mm2/s"},
            "traces": FLASH,
            "arguments": arguments,
        }
    )


def readings(
    diffusivity: float = 0.4, noise: float = 0.01, n: int = 80, **columns: list[float]
) -> dict[str, list[float]]:
    """A trace of a plate of 1 mm, in mm2/s and K."""
    t = np.linspace(0.05, 4, n)
    values = laser_flash(t, diffusivity * 1e-6, 1e-3, 0.05, 0.02, 1.5)
    values += noise * np.random.default_rng(3).standard_normal(n)
    return {"t [s]": t.tolist(), "temperature [K]": values.tolist(), **columns}


def told(trace: Trace, **settings: Any) -> Any:
    return infer("diffusivity", "mm2/s", TraceSettings(**FLASH["diffusivity"] | settings), trace, "measured", "a test")  # type: ignore[arg-type]


def test_a_trace_becomes_a_measurement_that_says_how_and_is_kept() -> None:
    outcome = evaluate(flash(), plate())
    truth = press(0.3, 10.0, 20e-6, 10.0).diffusivity * 1e6
    (one,) = outcome.measurements
    assert one.deviation is not None
    assert 0 < one.deviation < 0.02 * truth
    assert abs(one.value - truth) < 4 * one.deviation
    assert (one.unit, one.method) == ("mm2/s", "simulated")
    trace = outcome.traces["diffusivity"]
    assert "inferred by solve from its trace (polynomials" in one.source
    assert "Gauss-Newton" in one.source
    again = told(trace)
    assert again.measurement is not None
    assert again.measurement.value == one.value
    kept = Outcome.model_validate_json(outcome.model_dump_json())
    assert kept.traces["diffusivity"].id == trace.id
    said = outcome.details["solve"]
    assert isinstance(said, dict)
    assert said["diffusivity"]["trace"] == trace.id  # type: ignore[index,call-overload]
    assert set(said["diffusivity"]["inferred"]) == {"diffusivity", "loss", "rise", "ambient"}  # type: ignore[index,call-overload]


def test_a_lamp_that_does_not_fire_gives_no_number() -> None:
    outcome = evaluate(flash(outage=1.0), plate())
    assert outcome.failure is not None
    assert outcome.failure.kind in ("unidentified", "unconverged")
    assert outcome.traces["diffusivity"].columns["t [s]"]


def test_units_of_trace_and_campaign_may_differ() -> None:
    in_ms = Trace(
        columns={
            "t [ms]": tuple(1e3 * t for t in readings()["t [s]"]),
            "signal [mK]": tuple(1e3 * v for v in readings()["temperature [K]"]),
        }
    )
    settings = TraceSettings(
        problem="laser_flash", infer="diffusivity", known={"pulse": "0.02 s", "thickness": "0.1 cm"}
    )
    found = infer("alpha", "cm2/s", settings, in_ms, "measured", "a test").measurement
    assert found is not None
    assert found.deviation is not None
    assert found.unit == "cm2/s"
    assert abs(found.value - 0.4e-2) < 4 * found.deviation < 2e-4


def test_readings_far_off_their_stated_deviation_are_no_answer() -> None:
    # A bump that no flash makes, with small deviations stated.
    columns = readings(noise=0.002)
    columns["temperature [K]"] = [
        v + 0.3 * np.sin(3 * t) for t, v in zip(columns["t [s]"], columns["temperature [K]"], strict=True)
    ]
    columns["deviation [K]"] = [0.002] * 80
    failure = told(Trace(columns={k: tuple(v) for k, v in columns.items()})).failure
    assert failure is not None
    assert failure.kind in ("poor_fit", "unidentified", "unconverged")


def test_a_wrong_equation_is_told_where_the_noise_is_not() -> None:
    columns = readings(noise=0.002)
    columns["temperature [K]"] = [
        v + 0.05 * np.sin(3 * t) for t, v in zip(columns["t [s]"], columns["temperature [K]"], strict=True)
    ]
    found = told(Trace(columns={k: tuple(v) for k, v in columns.items()}))
    assert any("neighbouring readings err alike" in warning for warning in found.details["warnings"])


@pytest.mark.parametrize(
    ("columns", "known", "words"),
    [
        ({"t [s]": [1, 2, 3], "temperature [K]": [1, 2, 3]}, {}, "3 values for 4 unknown numbers"),
        ({"t [mm]": [1, 2], "temperature [K]": [1, 2]}, {}, "a unit of the kind of s"),
        ({"clock [K]": [1, 2], "temperature [K]": [1, 2]}, {}, "one column of temperature"),
        ({"t [s]": [-1, 2, 3, 4, 5], "temperature [K]": [1, 2, 3, 4, 5]}, {}, "lie outside the domain"),
        (
            {"t [s]": [1, 2], "temperature [K]": [1, 2]},
            {"thickness": "1 s"},
            "thickness is given in s; a unit of the kind of mm",
        ),
        ({"t [s]": [1, 2], "temperature [K]": [1, 2]}, {"width": "1 mm"}, "width is no parameter"),
    ],
)
def test_a_trace_that_does_not_fit_is_a_failure_with_its_reason(
    columns: dict[str, list[float]], known: dict[str, str], words: str
) -> None:
    failure = told(Trace(columns={k: tuple(v) for k, v in columns.items()}, known=known)).failure
    assert failure is not None
    assert failure.kind == "unreadable"
    assert words in failure.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("{'diffusivity': 3.0}", "a float is no trace"),
        ("{'diffusivity': {'columns': {'t': [1.0, float('nan')], 'u': [1, 2]}}}", "finite"),
        ("{'diffusivity': {'columns': {'t': [1.0], 'u': [1, 2]}}}", "differ in length"),
        ("{'diffusivity': 'nowhere.csv'}", "cannot be read"),
    ],
)
def test_a_function_that_gives_no_trace_fails_the_trial_only(
    answer: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"tracer_{abs(hash(answer))}"
    (tmp_path / f"{name}.py").write_text(f"def measure(point):\n    return {answer}\n")
    monkeypatch.syspath_prepend(tmp_path)
    outcome = evaluate(flash().model_copy(update={"function": f"{name}:measure"}), plate())
    assert outcome.failure is not None
    assert outcome.failure.kind == "unreadable"
    assert words in outcome.failure.message


def test_a_trace_goes_through_a_file_unchanged(tmp_path: Path) -> None:
    trace = Trace(columns={k: tuple(v) for k, v in readings().items()})
    write_trace(trace, tmp_path / "trace.csv")
    assert read_trace(tmp_path / "trace.csv").id == trace.id


def test_how_a_property_is_inferred_decides_what_may_be_reused() -> None:
    other = flash().model_copy(update={"traces": {"diffusivity": TraceSettings(problem="laser_flash")}})
    assert fingerprint(flash())
    assert fingerprint(flash()) != fingerprint(other)


@pytest.fixture
def athanor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    recall = WordRecall()
    monkeypatch.setattr(assemble, "open_index", lambda home: recall)

    def call(*arguments: Any) -> Result:
        home = [] if arguments[0] == "solve" else ["--home", str(tmp_path / "home")]
        return CliRunner().invoke(app, [*map(str, arguments), *home])

    return call


def by_hand(world: Callable[..., Path], **traces: Any) -> Path:
    goal = {
        "statement": "A plate that conducts",
        "objectives": [{"property": "diffusivity", "direction": "maximise", "unit": "mm2/s"}],
        "budget": {"evaluations": 10},
    }
    properties = {"diffusivity": "mm2/s", "cost": "EUR"}
    return world(goal=goal, oracle={"kind": "manual", "properties": properties, "traces": traces or FLASH}, batch=2)


def test_a_person_hands_in_a_trace(athanor: Callable[..., Result], world: Callable[..., Path], tmp_path: Path) -> None:
    asked = athanor("suggest", by_hand(world))
    assert asked.exit_code == 0
    assert "athanor observe table 1 cost=VALUE±DEVIATION --trace FILE" in asked.output
    csv = tmp_path / "rear.csv"
    write_trace(Trace(columns={k: tuple(v) for k, v in readings().items()}), csv)
    result = athanor("observe", "table", 1, "cost=3", "--trace", csv, "--known", "thickness=1 mm", "--author", "Ada")
    assert result.exit_code == 0, result.output
    (trial, _) = assemble.state_of("table", assemble.open_home(tmp_path / "home")).trials.values()
    assert trial.outcome is not None
    cost, found = trial.outcome.measurements
    assert (cost.property, found.property, found.method) == ("cost", "diffusivity", "measured")
    assert found.deviation is not None
    assert abs(found.value - 0.4) < 4 * found.deviation
    assert found.source.startswith("told by Ada; inferred by solve from its trace")
    assert trial.outcome.traces["diffusivity"].known == {"thickness": "1 mm"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trace", "{file}", "--known", "thickness"], "write NAME=VALUE UNIT"),
        (["--trace", "{file}", "--known", "colour=1 mm"], "colour is no parameter"),
        (["--trace", "{file}", "--known", "thickness=1 K"], "thickness is given in K"),
        (["--trace", "nowhere.csv"], "cannot be read"),
        (["diffusivity=3", "--trace", "{file}"], "comes as a trace and as a number"),
        (["--known", "thickness=1 mm", "cost=3"], "give a trial or a setting with"),
    ],
)
def test_what_is_wrong_with_a_trace_is_said_before_the_trial_is_answered(
    athanor: Callable[..., Result], world: Callable[..., Path], tmp_path: Path, arguments: list[str], words: str
) -> None:
    athanor("suggest", by_hand(world))
    csv = tmp_path / "rear.csv"
    write_trace(Trace(columns={k: tuple(v) for k, v in readings(n=12).items()}), csv)
    result = athanor("observe", "table", 1, *(one.format(file=csv) for one in arguments))
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert len(assemble.state_of("table", assemble.open_home(tmp_path / "home")).pending) == 2


@pytest.mark.parametrize(
    ("traces", "words"),
    [
        ({"diffusivity": {"problem": "flash"}}, "neither a file nor registered"),
        ({"diffusivity": {"problem": "heat"}}, "is no unknown number of problem heat"),
        ({"diffusivity": {"problem": "laser_flash", "infer": "loss"}}, "is wanted in mm2/s, but"),
        ({"hardness": {"problem": "laser_flash"}}, "none of the properties cost, diffusivity"),
        ({"diffusivity": {"problem": "laser_flash", "known": {"pulse": "fast"}}}, "is no quantity"),
    ],
)
def test_a_campaign_whose_traces_cannot_be_used_is_refused_at_once(
    world: Callable[..., Path], traces: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as error:
        read_campaign_file(by_hand(world, **traces))
    assert words in " ".join(str(error.value).split())


def test_a_problem_file_lies_beside_the_campaign_file(world: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "thick.yaml").write_text(json.dumps({"problem": "laser_flash", "seed": 3}))
    file = read_campaign_file(by_hand(world, diffusivity={"problem": "thick.yaml"}))
    assert file.oracle.traces["diffusivity"].problem == str(tmp_path / "thick.yaml")  # type: ignore[union-attr]


def test_a_report_keeps_traces_and_draws_the_best(
    athanor: Callable[..., Result], world: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_INTERVALS, 2, 12)
    athanor("suggest", by_hand(world))
    csv = tmp_path / "rear.csv"
    write_trace(Trace(columns={k: tuple(v) for k, v in readings(n=60).items()}), csv)
    dark = Trace(columns={"t [s]": tuple(readings(n=60)["t [s]"]), "temperature [K]": (0.0,) * 60})
    write_trace(dark, tmp_path / "dark.csv")
    athanor("observe", "table", 1, "cost=3", "--trace", csv, "--known", "thickness=1 mm")
    athanor("observe", "table", 2, "cost=3", "--trace", tmp_path / "dark.csv")
    assert athanor("report", "table").exit_code == 0
    folder = tmp_path / "home" / "campaigns" / "table"
    report = (folder / "report.md").read_text()
    assert "2 raw traces, from which `solve` inferred it: 1 value with a standard deviation, 1 failure" in report
    assert read_trace(folder / "traces" / "001_diffusivity.csv").columns == read_trace(csv).columns
    assert read_trace(folder / "traces" / "002_diffusivity.csv").columns == dark.columns
    again = athanor("solve", folder / "traces" / "001_diffusivity.yaml", "--data", csv, "--json", "--no-check")
    assert again.exit_code == 0, again.output
    (trial, _) = assemble.state_of("table", assemble.open_home(tmp_path / "home")).trials.values()
    found = {one["name"]: one["value"] for one in json.loads(again.stdout)["inferred"]}
    assert found["diffusivity"] == pytest.approx(trial.values["diffusivity"])
    (own,) = [path for path in (folder / "traces").iterdir() if path.is_dir()]
    for name in ("field", "left", "residual", "losses", "profile-diffusivity"):
        assert f"(traces/{own.name}/{name}.png)" in report
        assert (own / f"{name}.png").stat().st_size > 5000
    assert (own / "diffusivity-of-trial-1.html").is_file()
    drawn = (own / "field.png").stat().st_mtime_ns
    assert athanor("report", "table").exit_code == 0
    assert (own / "field.png").stat().st_mtime_ns == drawn


def test_the_ready_made_campaign_infers_what_its_plates_hide() -> None:
    file = read_campaign_file(assemble.ready_made("thermal"))
    for change in ({}, {"filler_fraction": 0.5, "aspect_ratio": 35.0}):
        values = PLATE | change
        outcome = evaluate(file.oracle, plate(**change))
        truth = press(
            values["filler_fraction"], values["aspect_ratio"], values["diameter"] * 1e-6, values["pressure"]
        ).diffusivity
        (found,) = outcome.measurements
        assert found.deviation is not None
        assert abs(found.value - 1e6 * truth) < 4 * found.deviation < 0.04 * found.value


def test_a_profile_over_depth_is_a_trace_too() -> None:
    x = np.linspace(1, 79, 50)
    values = 3.0 * erfc(x * 1e-6 / (2 * np.sqrt(0.05e-12 * 7200))) + 0.03 * np.random.default_rng(1).standard_normal(50)
    trace = Trace(
        columns={"x [um]": tuple(x), "concentration [mol/m3]": tuple(values)},
        known={"depth": "80 um", "duration": "2 h"},
    )
    settings = TraceSettings(problem="depth_profile")
    told = infer("diffusivity", "um2/s", settings, trace, "measured", "a test")
    assert told.measurement is not None, told.failure
    assert told.measurement.deviation is not None
    assert abs(told.measurement.value - 0.05) < 4 * told.measurement.deviation < 0.01
