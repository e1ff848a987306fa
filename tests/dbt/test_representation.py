"""Shares against references, decomposition of change and bulk loads, against sums made by hand or by scipy."""

from __future__ import annotations

import csv
import math
from datetime import date

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.dbt.core_world import Compiled, World
from tests.dbt.small_night import PROJECT

MODELS = (
    "reference",
    "tally_representation",
    "representation_month",
    "representation",
    "representation_change_mission",
    "representation_change",
    "representation_mission",
)


def women_and_men(world: World, mission: str, year: int, women: int, men: int) -> None:
    for gender, number in (("feminine", women), ("masculine", men)):
        for n in range(number):
            world.case(mission, date(year, n % 12 + 1, 1), gender=gender)


def row(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> tuple[object, ...]:
    found = connection.execute(query, list(values)).fetchall()
    assert len(found) == 1, found
    return tuple(found[0])


def test_a_share_beside_its_reference(models: dict[str, Compiled]) -> None:
    world = World()
    women_and_men(world, "MDA", 2003, 90, 10)
    women_and_men(world, "UKR", 2004, 60, 40)
    world.case("UKR", date(2004, 1, 1), 7)  # gender unknown: in no denominator
    connection = world.run(models, *MODELS)
    found = row(
        connection,
        "select numerator, denominator, cases, share, share_low, share_high, missions, largest_mission_share, "
        "reference, reference_share, difference, difference_low, difference_high, comparison "
        "from analysis.representation where measure = 'women' and period = '2002-2004' and reference = 'ctdc_2002_2004'",
    )
    wilson = stats.binomtest(150, 200).proportion_ci(0.95, method="wilson")
    assert found[:3] == (150, 200, 207)
    assert found[3:6] == pytest.approx((0.75, wilson.low, wilson.high), abs=1e-4)
    assert found[6:8] == (2, 0.5)
    assert found[8:10] == ("ctdc_2002_2004", 0.99)
    assert found[10:13] == pytest.approx((-0.24, wilson.low - 0.99, wilson.high - 0.99), abs=1e-4)
    assert found[13] == "below"


def test_a_reference_with_numbers_adds_its_own_uncertainty(models: dict[str, Compiled]) -> None:
    world = World()
    women_and_men(world, "MDA", 2008, 68, 32)
    low, high = row(
        world.run(models, *MODELS),
        "select difference_low, difference_high from analysis.representation "
        "where measure = 'women' and reference = 'iom_assisted_2008' and period = '2008'",
    )
    ours = stats.binomtest(68, 100).proportion_ci(0.95, method="wilson")
    theirs = stats.binomtest(3404, 5060).proportion_ci(0.95, method="wilson")
    p, q = 0.68, 3404 / 5060
    assert low == pytest.approx(p - q - math.hypot(p - ours.low, theirs.high - q), abs=1e-4)
    assert high == pytest.approx(p - q + math.hypot(ours.high - p, q - theirs.low), abs=1e-4)


def test_years_that_do_not_meet_are_not_compared(models: dict[str, Compiled]) -> None:
    world = World()
    women_and_men(world, "MDA", 2010, 30, 20)
    connection = world.run(models, *MODELS)
    found = connection.execute(
        "select reference, comparison, difference is null from analysis.representation "
        "where measure = 'women' and period = '2008-2010' order by all"
    ).fetchall()
    # the night is of 2010: the open reference from 2014 is of other years; 2011 is next door
    assert ("iom_assisted_2011", "within_chance", False) in found
    assert ("ctdc_from_2014", "other_years", True) in found
    assert ("unodc_2020_2023", "other_years", True) in found
    # no case is of 2008 alone: its reference stands beside the three years
    assert "iom_assisted_2008" in {name for name, *_ in found}


def test_below_twenty_there_is_no_share(models: dict[str, Compiled]) -> None:
    world = World()
    women_and_men(world, "MDA", 2003, 10, 9)
    assert row(
        world.run(models, *MODELS),
        "select numerator, share, difference, comparison from analysis.representation "
        "where measure = 'women' and reference = 'ctdc_2002_2004'",
    ) == (10, None, None, "too_few")


def test_a_change_is_taken_apart_by_hand(models: dict[str, Compiled]) -> None:
    """A stays at half and half, B is all women and shrinks, C vanishes, D is new."""
    world = World()
    for mission, before, after in (
        ("ALB", (20, 20), (40, 40)),
        ("BGR", (40, 0), (10, 0)),
        ("MDA", (20, 0), (0, 0)),
        ("NGA", (0, 0), (0, 10)),
    ):
        women_and_men(world, mission, 2003, *before)
        women_and_men(world, mission, 2006, *after)
    connection = world.run(models, *MODELS)
    found = row(
        connection,
        "select previous_share, share, change, within_missions, mix_of_missions, mix_of_stayed, mix_of_new, "
        "mix_of_vanished, missions_stayed, missions_new, missions_vanished, reading "
        "from analysis.representation_change where measure = 'women' and period = '2005-2007'",
    )
    mean = (0.8 + 0.5) / 2
    stayed = (0.8 - 0.4) * (0.5 - mean) + (0.1 - 0.4) * (1 - mean)
    assert found[:8] == pytest.approx(
        (0.8, 0.5, -0.3, 0, -0.3, stayed, 0.1 * (0 - mean), -0.2 * (1 - mean)), abs=1e-12
    )
    assert found[8:] == (2, 1, 1, "mostly_mix_of_missions")
    assert connection.execute(
        "select mission_code, mission_change from analysis.representation_change_mission "
        "where measure = 'women' order by all"
    ).fetchall() == [("ALB", "stayed"), ("BGR", "stayed"), ("MDA", "vanished"), ("NGA", "new")]


def test_a_change_within_missions_is_called_so(models: dict[str, Compiled]) -> None:
    world = World()
    for mission in ("ALB", "BGR"):
        women_and_men(world, mission, 2003, 40, 0)
        women_and_men(world, mission, 2006, 20, 20)
    found = row(
        world.run(models, *MODELS),
        "select change, within_missions, mix_of_missions, reading from analysis.representation_change "
        "where measure = 'women'",
    )
    assert found[:3] == pytest.approx((-0.5, -0.5, 0), abs=1e-12)
    assert found[3] == "mostly_within_missions"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.sampled_from(["ALB", "BGR", "MDA", "NGA", "UKR"]),
        st.tuples(*[st.integers(0, 6)] * 6),
        min_size=1,
    )
)
def test_the_parts_are_the_whole(
    models: dict[str, Compiled], counts: dict[str, tuple[int, ...]]
) -> None:
    world = World()
    for mission, numbers in counts.items():
        for n, year in enumerate((2003, 2006, 2009)):
            women_and_men(world, mission, year, numbers[2 * n], numbers[2 * n + 1])
    connection = world.run(models, *MODELS)
    for change, within, mix, stayed, new, vanished in connection.execute(
        "select change, within_missions, mix_of_missions, mix_of_stayed, mix_of_new, mix_of_vanished "
        "from analysis.representation_change"
    ).fetchall():
        assert within + mix == pytest.approx(change, abs=1e-12)
        assert stayed + new + vanished == pytest.approx(mix, abs=1e-12)


def test_a_bulk_load_shows(models: dict[str, Compiled]) -> None:
    world = World()
    for year in (2007, 2008, 2009):
        for month in range(1, 13):
            for mission in ("ALB", "MDA"):
                world.case(mission, date(year, month, 1), 3, gender="feminine")
    world.case("MDA", date(2009, 8, 1), 150, gender="masculine")
    connection = world.run(models, *MODELS)
    assert row(
        connection,
        "select cases, all_cases, share_of_year, previous_cases, is_bulk, bulk_months, bulk_cases, largest_month, "
        "largest_month_share from analysis.representation_mission where mission_code = 'MDA' and registration_year = 2009",
    ) == (186, 222, 0.8378, 36, True, 1, 153, date(2009, 8, 1), 0.8226)
    assert row(
        connection,
        "select cases, usual_cases, share_of_year from analysis.representation_month where is_bulk",
    ) == (153, 3, 0.8226)
    assert row(
        connection,
        "select bulk_share, largest_mission_share from analysis.representation "
        "where measure = 'women' and period = '2008-2010' and reference like 'ctdc_2008%'",
    ) == (round(153 / 294, 4), round(222 / 294, 4))
    assert row(
        connection,
        "select count(*) from analysis.representation_mission where is_bulk and mission_code = 'ALB'",
    ) == (0,)


def test_references_say_where_they_come_from() -> None:
    with (PROJECT / "seeds" / "reference.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["measure"] for r in rows} == {
        "women",
        "sexual_exploitation",
        "forced_labour",
        "cross_border",
        "south_eastern_europe",
        "minors",
    }
    for r in rows:
        assert "https://" in r["source"], r
        assert r["population"], r
        counted = bool(r["numerator"]) and bool(r["denominator"])
        assert counted != bool(r["share"]), r
        share = int(r["numerator"]) / int(r["denominator"]) if counted else float(r["share"])
        assert 0 < share < 1
