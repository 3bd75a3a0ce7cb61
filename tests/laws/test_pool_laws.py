"""Laws of a pool: every distinct row once, in an order that the seed decides, and clear words for a bad file."""

import pytest

from athanor.memory.errors import UserError
from athanor.memory.records import Point
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.generators.pool import read_pool
from athanor.tools.space import PoolSpace

TEXT = "temperature,solvent,yield\n20,water,0.1\n40,ethanol,0.5\n20,water,0.2\n60,water,0.7\n"


def pool(tmp_path, text: str = TEXT, encoding: str = "utf-8", **variables) -> PoolSpace:
    path = tmp_path / "pool.csv"
    path.write_bytes(text.encode(encoding))
    return PoolSpace(file=path, variables=variables or {"temperature": "°C", "solvent": "1"})


def taken(space: PoolSpace, n: int, seed: int = 0, **more):
    return generate(Wish(n, seed, **more), generators_for(space), space)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_every_distinct_row_comes_once(tmp_path, encoding):
    result = taken(pool(tmp_path, encoding=encoding), 10)
    values = [c.content.values for c in result.candidates]
    assert sorted(values, key=str) == sorted(
        [
            {"temperature": 20.0, "solvent": "water"},
            {"temperature": 40.0, "solvent": "ethanol"},
            {"temperature": 60.0, "solvent": "water"},
        ],
        key=str,
    )
    assert result.candidates[0].provenance.tool == "generate/pool"


def test_same_seed_same_order_and_excluded_rows_stay_away(tmp_path):
    space = pool(tmp_path)
    first = taken(space, 2, seed=3).candidates
    assert first == taken(space, 2, seed=3).candidates
    rest = taken(space, 10, seed=3, exclude=first)
    assert len(rest.candidates) == 1
    assert rest.rejected == {"duplicate": 2}


def test_large_pools_are_not_cut_short(tmp_path):
    space = pool(tmp_path, "x\n" + "\n".join(str(n) for n in range(5000)), x="1")
    everything = taken(space, 5000)
    assert len(everything.candidates) == 5000
    assert len(taken(space, 3, exclude=everything.candidates[:-3]).candidates) == 3


def test_a_quoted_header_with_a_line_break_is_a_column(tmp_path):
    space = pool(tmp_path, '"a, b","c"\r\n1,x\r\n', **{"a, b": "1"})
    assert read_pool(space.file, ("a, b",)) == (Point(values={"a, b": 1.0}),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("temperature\n20\n", ["no column 'solvent'", "temperature"]),
        ("temperature,solvent,solvent\n1,a,b\n", ["more than one column 'solvent'"]),
        ("temperature,solvent\n20,water\nhot,water\n", ["line 3", "'temperature'", "'hot'", "numbers"]),
        ("temperature,solvent\n20,water\n40,\n", ["line 3", "'solvent'", "empty"]),
        ("temperature,solvent\n20,water\n40\n", ["line 3", "1 cells", "header has 2"]),
        ("temperature,solvent\n20,water\nnan,water\n", ["line 3", "'temperature'", "finite"]),
        ("temperature,solvent\n", ["no rows"]),
        ("", ["no column", "no columns"]),
        ('temperature,solvent\n20,"water\n', ["not valid CSV"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, words):
    with pytest.raises(UserError) as caught:
        generators_for(pool(tmp_path, text))
    for word in ["pool.csv", *words]:
        assert word in str(caught.value)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere.csv"):
        generators_for(PoolSpace(file=tmp_path / "nowhere.csv", variables={"x": "1"}))
    with pytest.raises(UserError, match="UTF-8"):
        generators_for(pool(tmp_path, "température\n1\n", encoding="latin-1", température="1"))
