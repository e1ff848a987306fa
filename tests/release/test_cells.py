"""Counts over releases: one that changed tells of k persons at least, and a small change is not to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from counterflow.release import cells, contents
from counterflow.release.building import attached
from counterflow.release.cells import Cells
from counterflow.settings import Settings
from tests.release.world import installation, publish, small

POLICY = small(tables={n: small().tables[n] for n in ("profiles", "trends", "origins")})
KEY = bytes(range(32))
K = POLICY.k


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return installation(tmp_path_factory.mktemp("cells"))


def counted(
    settings: Settings,
    cases: list[int],
    before: Cells | None = None,
    changed: Mapping[int, Mapping[str, str]] | None = None,
) -> tuple[Cells, dict[str, pa.Table]]:
    publish(settings, cases, changed=changed)
    with attached(settings) as connection:
        contents.define(connection)
        contents.profile(connection, list(POLICY.columns))
        made = cells.make(connection, POLICY, KEY, before)
        return made, cells.published(connection, POLICY, made.values)


def _of(made: Cells, cell: str) -> int:
    said = dict(zip(*(made.values[c].to_pylist() for c in ("cell", "count")), strict=True))
    return int(said[cell])


def test_nothing_below_the_minimum_is_said(settings: Settings) -> None:
    made, tables = counted(settings, list(range(300)))
    shown = [n for table in tables.values() for n in table["cases"].to_pylist()]
    assert min(shown) >= POLICY.minimum_cell
    assert made.notes["cells withheld"] > 0  # and there was something to withhold
    assert all(table["cases"].null_count == 0 for table in tables.values())


def test_a_cell_says_the_same_in_every_table(settings: Settings) -> None:
    _, tables = counted(settings, list(range(300)))
    with duckdb.connect() as connection:
        connection.register("trends", tables["trends"])
        connection.register("origins", tables["origins"])
        query = "select cases from {} where {}"
        everybody = [
            connection.execute(query.format(t, " and ".join(f"{c} = 'all'" for c in by))).fetchone()
            for t, by in (("trends", ("registration_year", "gender", "is_minor")), ("origins", ("citizenship",)))
        ]  # fmt: skip
    assert everybody[0] == everybody[1] is not None


@pytest.mark.parametrize("come", [0, 1, K - 1])
def test_a_few_who_come_change_nothing_that_can_be_seen(settings: Settings, come: int) -> None:
    made, tables = counted(settings, list(range(300)))
    _, later = counted(settings, list(range(300 + come)), made)
    assert later == tables


def test_one_who_leaves_changes_nothing_that_can_be_seen(settings: Settings) -> None:
    made, tables = counted(settings, list(range(300)))
    after, later = counted(settings, [n for n in range(300) if n != 7], made)
    assert later == tables
    assert after.notes["cells that keep their count"] > 0


def test_the_control_fresh_counts_show_one_who_comes(settings: Settings) -> None:
    """Without a memory of the release before, somebody's coming shows in some count."""
    cases = list(range(300))
    _, tables = counted(settings, cases)
    fresh = (counted(settings, [*cases, *range(300, 300 + come)])[1] for come in (5, 9, 10))
    assert any(later != tables for later in fresh)


def test_small_changes_add_up_until_they_are_many(settings: Settings) -> None:
    """Five, and five more, and five more: seen once, when there are eleven, and not before."""
    made, _ = counted(settings, list(range(300)))
    first = _of(made, "case")
    whole = []
    for night in range(1, 4):
        made, _ = counted(settings, list(range(300 + 5 * night)), made)
        whole.append(_of(made, "case"))
    assert whole[:2] == [first, first]
    assert abs(whole[2] - 315) < abs(first - 315)


def test_a_case_that_moves_between_cells_is_not_seen(settings: Settings) -> None:
    made, tables = counted(settings, list(range(300)))
    _, later = counted(
        settings, list(range(300)), made, {5: {"citizenship": "ETH", "gender": "masculine"}}
    )
    assert later == tables


def test_departures_that_were_forgotten_still_count(settings: Settings) -> None:
    """Ten left and were forgotten, one came: eleven moved, so the count is made anew; with nine it is not."""
    made, _ = counted(settings, list(range(300)))
    for gone, is_new in ((K - 1, True), (K - 2, False)):
        place = made.values.schema.get_field_index("departures")
        values = made.values.set_column(
            place, "departures", pa.array([gone] * made.values.num_rows, pa.int64())
        )
        after, _ = counted(settings, list(range(301)), Cells(values, made.cases, made.keys))
        left = dict(
            zip(*(after.values[c].to_pylist() for c in ("cell", "departures")), strict=True)
        )
        assert (left["case"] == 0) is is_new


def test_rare_values_do_not_appear_when_one_person_has_them(settings: Settings) -> None:
    """No table says that there is now somebody of a kind that nobody was of."""
    made, tables = counted(settings, list(range(300)))
    after, later = counted(settings, list(range(301)), made, {300: {"citizenship": "PRK"}})
    assert later == tables
    assert "PRK" not in later["origins"]["citizenship"].to_pylist()
    assert after.values.num_rows >= made.values.num_rows


def test_a_home_of_its_own(tmp_path: Path) -> None:
    """The first release follows nothing."""
    made, _ = counted(installation(tmp_path), list(range(250)))
    assert made.notes["cells that keep their count"] == 0
