"""Columns, rows and missions in another order: the same truth, the same cells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from counterflow.synthetic import generate
from counterflow.synthetic.answers import COLUMNS
from tests.synthetic import reading
from tests.synthetic.conftest import World
from tests.synthetic.test_generate import digest

NIGHT = "2010-11-25"
NUMBERED = {"_index", ""}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    """All missions in order, and shuffled."""
    worlds = []
    for name, shuffle in (("order", None), ("shuffled", 4)):
        out = tmp_path_factory.mktemp(name)
        worlds.append(World(out, generate(out, cases=1400, seed=11, nights=2, shuffle=shuffle)))
    return worlds[0], worlds[1]


def table(world: World, night: str, mission: str, name: str) -> list[dict[str, Any]]:
    path = world.out / "truth" / night / mission / f"{name}.parquet"
    return list(pq.read_table(path).to_pylist())


def fates(world: World, mission: str) -> list[dict[str, Any]]:
    return table(world, NIGHT, mission, "rows")


def test_the_truth_is_the_same_but_for_places(pair: tuple[World, World]) -> None:
    one, other = pair
    assert one.missions() == other.missions()
    moved = 0
    for mission in one.missions():
        for name in COLUMNS:
            assert table(one, NIGHT, mission, name) == table(other, NIGHT, mission, name)
        said = [Counter(tuple(sorted((k, str(v)) for k, v in fate.items() if k != "source_row"))
                        for fate in fates(world, mission)) for world in pair]  # fmt: skip
        assert said[0] == said[1]
        moved += fates(one, mission) != fates(other, mission)
    assert moved == len(one.missions())
    for night in ("2010-11-25", "2010-11-26"):
        path = Path("truth") / night / "files.csv"
        assert (one.out / path).read_bytes() == (other.out / path).read_bytes()


def test_every_row_is_where_the_truth_says(pair: tuple[World, World]) -> None:
    _, other = pair
    for mission in other.missions():
        folder = other.out / "exports" / mission
        read, key = reading.sources(folder, NIGHT), reading.key(folder)
        told = Counter(fate["source"] for fate in fates(other, mission))
        assert told == Counter({s: len(rows) for s, rows in read.items() if rows}), mission
        first: set[Any] = set()
        for fate in sorted(fates(other, mission), key=lambda f: (f["source"], f["source_row"])):
            row = read[fate["source"]][fate["source_row"] - 1]
            if key in row:
                assert (row[key] or None) == fate["case_number"]
            empty = all(cell in ("", None) for name, cell in row.items() if name not in NUMBERED)
            assert (fate["outcome"] == "blank") == empty
            if fate["source"] == "case" and fate["rule_id"] == "case.key_repeat":
                assert fate["case_number"] in first
            elif fate["source"] == "case":
                first.add(fate["case_number"])


def test_columns_and_rows_do_move(pair: tuple[World, World]) -> None:
    for mission in ("MDA", "IDN", "NPL", "TJK"):
        heads, numbers = [], []
        for world in pair:
            folder = world.out / "exports" / mission
            rows = reading.sources(folder, NIGHT)["case"]
            heads.append(list(rows[0]))
            numbers.append([row[reading.key(folder)] for row in rows])
        assert heads[0] != heads[1]
        assert sorted(heads[0]) == sorted(heads[1])
        assert numbers[0] != numbers[1]
        assert sorted(filter(None, numbers[0])) == sorted(filter(None, numbers[1]))


def test_a_shuffle_can_be_made_again(tmp_path: Path) -> None:
    for name, shuffle in (("one", 1), ("two", 1), ("other", 2)):
        generate(tmp_path / name, missions=6, cases=80, shuffle=shuffle)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one") != digest(tmp_path / "other")
