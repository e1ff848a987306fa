"""What a policy may say: the committed one stands, and nothing below a floor is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from counterflow.release import policy as policies
from counterflow.release.contents import COLUMNS, hierarchies
from counterflow.release.errors import ReleaseRefused
from counterflow.release.policy import Column, Table, checked


def test_the_committed_policy_stands() -> None:
    policy = policies.load()
    assert policy.k >= 11
    assert policy.l >= 2
    assert policy.minimum_cell >= 11
    assert len(policy.columns) <= 12  # beyond, the best cover is not searched
    assert {"registration_year", "gender", "is_sexual_exploitation"} <= policy.columns.keys()
    assert all(len(name) <= 32 for name in policy.released())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"k": 10}, "k is 10"),
        ({"l": 1}, "l is 1"),
        ({"minimum_cell": 5}, "minimum_cell is 5"),
        ({"floor_cases": 20}, "floor_cases is 20"),
        ({"k": "many"}, "k is many"),
        ({"method": "none"}, "method is none"),
    ],
)
def test_a_policy_below_a_floor_is_refused(changes: Mapping[str, object], word: str) -> None:
    with pytest.raises(ReleaseRefused, match=word):
        checked(replace(policies.load(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"name": Column()}, "name is not a column"),
        ({"gender": Column(coarsens="colour")}, "gender is not a column, or its hierarchy"),
        ({"is_sexual_exploitation": Column()}, "is sensitive"),
        ({"means_abuse": Column()}, "is sensitive"),
        ({"gender": Column(weight=float("nan"))}, "weight"),
    ],
)
def test_a_column_that_cannot_be_released_is_refused(
    columns: Mapping[str, Column], word: str
) -> None:
    with pytest.raises(ReleaseRefused, match=word):
        checked(replace(policies.load(), columns=columns))


@pytest.mark.parametrize(
    "table",
    [
        Table("t", "people", ("gender",)),
        Table("t", "case", ("name",)),
        Table("t", "case", ("gender", "age_band", "citizenship", "is_minor", "registration_year")),
    ],
)
def test_a_table_of_something_else_is_refused(table: Table) -> None:
    with pytest.raises(ReleaseRefused, match=r"tables\.t"):
        checked(replace(policies.load(), tables={"t": table}))


def test_a_file_that_is_no_policy_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    path.write_text("version: 1\nk: [\n", "utf-8")
    with pytest.raises(ReleaseRefused) as refused:
        policies.load(path)
    assert "\n" not in str(refused.value)
    path.write_text(policies.FILE.read_text("utf-8") + "\nnoise: 3\n", "utf-8")
    with pytest.raises(ReleaseRefused, match="noise"):
        policies.load(path)


def test_the_digest_says_whether_two_policies_are_the_same() -> None:
    policy = policies.load()
    assert policy.digest == policies.load().digest
    assert policy.digest != policy.with_k(12).digest


def test_a_value_climbs_to_what_it_belongs_to() -> None:
    every = hierarchies()
    assert every["years"].ancestors("2004") == ("2002-2004",)
    assert every["years"].ancestors("2005") == ("2005-2007",)
    assert every["years"].ancestors("1999") == ("1999-2001",)
    assert every["years"].ancestors("unknown") == (None,)
    assert every["country"].ancestors("MDA") == ("Eastern Europe", "Europe")
    assert every["sector"].ancestors("f_construction") == ("industry",)
    assert every["sector"].ancestors("a_agriculture_forestry_and_fishing") == ("agriculture",)
    assert every["sector"].ancestors("unknown") == ("unknown",)
    assert every["gender"].ancestors("non_conforming") == ("other_or_unspecified",)


def test_every_column_is_described() -> None:
    assert all(one.title and one.meaning for one in COLUMNS.values())
