"""Somebody who was given two releases reads their files, and nothing else, and looks for who came and went.

The control is two first releases of two agencies that know nothing of each other, over the same cases.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pycanon import anonymity

from counterflow.release import building, deciding
from counterflow.settings import Settings
from tests.attacks.attacking import difference
from tests.release.world import NIGHT, installation, key, publish, small

FIRST = list(range(700))
LEFT, CAME = {3, 44}, range(700, 708)  # ten people: fewer than k, wherever they are counted
SECOND = [number for number in FIRST if number not in LEFT] + list(CAME)
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What is in the hands of an outsider: the CSV files of a release, by name."""

    folder: Path
    tables: dict[str, tuple[Row, list[Row]]]  # header and rows

    @classmethod
    def of(cls, folder: Path) -> Given:
        tables = {}
        for path in sorted((folder / "data").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = (tuple(line) for line in csv.reader(file))
            tables[path.stem] = (header, rows)
        return cls(folder, tables)

    @property
    def people(self) -> list[Row]:
        return self.tables["microdata"][1]

    @property
    def counts(self) -> dict[tuple[str, Row], str]:
        """Every cell of every table, and what it says."""
        return {
            (name, row[:-1]): row[-1]
            for name, (_, rows) in self.tables.items()
            if name != "microdata"
            for row in rows
        }


def release(settings: Settings, cases: Sequence[int], nights: int) -> Given:
    """Publish a warehouse of these cases and release it."""
    publish(settings, cases, NIGHT + timedelta(days=nights))
    made = building.build(settings, small())
    assert all(gate.passed for gate in made.gates)
    deciding.approve(settings, made.number, made.digest, "desk")
    return Given.of(settings.releases / made.number)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Given, Given]:
    """Two releases of one agency, three nights apart."""
    settings = installation(tmp_path_factory.mktemp("agency"))
    return release(settings, FIRST, 0), release(settings, SECOND, 3)


@pytest.fixture(scope="module")
def unknowing(tmp_path_factory: pytest.TempPathFactory, given: tuple[Given, Given]) -> Given:
    """A release of the second night by somebody who knows of no first one."""
    return release(installation(tmp_path_factory.mktemp("other")), SECOND, 3)


def test_the_rows_of_two_releases_show_no_few_who_came_or_went(
    given: tuple[Given, Given], unknowing: Given
) -> None:
    first, second = given
    alone = difference(first.people, unknowing.people)
    assert any(0 < abs(count) < 11 for count in alone.values())  # control
    changed = difference(first.people, second.people)
    assert all(abs(count) >= 11 for count in changed.values())


def test_the_union_of_two_releases_holds_no_small_class(given: tuple[Given, Given]) -> None:
    both = Counter(given[0].people) | Counter(given[1].people)
    assert min(both.values()) >= 11


def test_counts_do_not_move_by_the_few_who_came(
    given: tuple[Given, Given], unknowing: Given
) -> None:
    first, second = (one.counts for one in given)
    alone = unknowing.counts
    assert sum(first.get(cell, n) != n for cell, n in alone.items()) > 20  # control
    assert [cell for cell, n in second.items() if first.get(cell) != n] == []


def test_no_table_of_a_release_tells_of_a_mission_or_of_a_few(given: tuple[Given, Given]) -> None:
    """What `quality` says of a mission with one case stays inside: outside no table is by mission,
    and no count is of fewer than eleven.
    """
    for one in given:
        assert not any("quality" in name or "issue" in name for name in one.tables)
        text = "".join(
            p.read_bytes().decode("latin-1") for p in one.folder.rglob("*") if p.is_file()
        )
        assert not any(key(number) in text for number in SECOND)
        for name, (header, rows) in one.tables.items():
            assert not {"mission_code", "mission", "case_key", "night"} & set(header), name
            if name != "microdata":
                assert all(int(row[-1]) >= 11 for row in rows)


def test_pycanon_finds_k_in_every_column_of_the_microdata(given: tuple[Given, Given]) -> None:
    for one in given:
        header, rows = one.tables["microdata"]
        frame = pd.DataFrame(rows, columns=list(header))
        assert anonymity.k_anonymity(frame, list(header)) >= 11
