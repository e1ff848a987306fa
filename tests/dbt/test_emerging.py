"""What emerging raises and what it must not: the same eight missions with one thing changed at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pytest
from scipy import stats

from tests.dbt.core_world import Compiled, World, chance, months

MISSIONS = ("ALB", "BGR", "IDN", "KHM", "MDA", "NGA", "ROU", "UKR")
BEFORE = months(date(2005, 1, 1), date(2009, 11, 1))
RECENT = months(date(2009, 12, 1), date(2010, 11, 1))
MODELS = ("tally_emerging", "tally_representation", "representation_month", "emerging")
Alter = Callable[[World], None]


def ordinary(world: World, mission: str, month: date, dice: Any, labour: float = 0.3) -> None:
    """A month of a mission whose habits do not change: about eight cases."""
    for _ in range(dice.randint(5, 11)):
        case(world, mission, month, dice, labour)


def case(world: World, mission: str, month: date, dice: Any, labour: float, **values: Any) -> None:
    kind = "forced_labour" if dice.random() < labour else "sexual_exploitation"
    means = [m for m in ("debt_bondage", "takes_earnings", "false_promises") if dice.random() < 0.4]
    world.case(
        mission,
        month,
        gender="feminine" if dice.random() < 0.7 else "masculine",
        is_minor="yes" if dice.random() < 0.2 else "no",
        fct_exploitation=[{"exploitation_type": kind, "labour_sector": None}],
        fct_control=[{"means_of_control": m, "answer": "yes"} for m in means],
        **values,
    )


def eight_missions(seed: int = 7, labour: dict[str, float] | None = None) -> World:
    """Eight missions over six years; `labour` is the share of labour in the recent window, where it is another."""
    world, dice = World(), chance(seed)
    for mission in MISSIONS:
        for month in BEFORE + RECENT:
            share = (labour or {}).get(mission, 0.3) if month in RECENT else 0.3
            ordinary(world, mission, month, dice, share)
    return world


def raised(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    return connection.execute(
        "select mission_code, dimension, value from analysis.emerging where status = 'raised' order by all"
    ).fetchall()


def reasons(connection: duckdb.DuckDBPyConnection, mission: str, value: str) -> str | None:
    found = connection.execute(
        "select reason from analysis.emerging where mission_code = ? and value = ?",
        [mission, value],
    ).fetchone()
    assert found, f"no row for {mission} {value}"
    return found[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_changed_and_nothing_is_raised(models: dict[str, Compiled], seed: int) -> None:
    connection = eight_missions(seed).run(models, *MODELS)
    assert raised(connection) == []
    assert connection.execute(
        "select count(*) > 50 from analysis.emerging where rate_ratio is not null"
    ).fetchone() == (True,)


def test_a_change_in_several_missions_is_raised(models: dict[str, Compiled]) -> None:
    world = eight_missions(labour=dict.fromkeys(MISSIONS[:5], 0.5))
    connection = world.run(models, *MODELS)
    found = raised(connection)
    assert ("all", "exploitation_type", "forced_labour") in found
    assert {row[1:] for row in found} == {("exploitation_type", "forced_labour")}
    ratio, low, high, missions, up = (
        connection.execute(
            "select rate_ratio, ratio_low, ratio_high, missions, missions_up from analysis.emerging "
            "where scope = 'all_missions' and value = 'forced_labour'"
        ).fetchone()
        or ()
    )
    assert 1.2 < low < ratio < high < 1.7  # 5 of 8 rose from 0.3 to 0.5: about 1.42
    assert missions == 8
    assert up >= 5
    assert reasons(connection, "all", "sexual_exploitation") == "falls"


def test_a_change_in_one_mission_is_that_missions_alone(models: dict[str, Compiled]) -> None:
    connection = eight_missions(labour={"MDA": 0.85}).run(models, *MODELS)
    assert raised(connection) == [("MDA", "exploitation_type", "forced_labour")]
    assert reasons(connection, "all", "forced_labour") == "one_mission"


def a_backlog(world: World, of: list[date], mission: str = "MDA") -> None:
    """Twice what all missions together register in a year, of one mission, of one kind: registrations triple."""
    dice = chance(1)
    usual = sum(row["registered_month"] in RECENT for row in world.cases)
    for n in range(2 * usual):
        case(world, mission, of[n % len(of)], dice, labour=1.0)


@pytest.mark.parametrize(
    "of",
    [RECENT[4:5], RECENT[2:5], RECENT, BEFORE[-3:-2], BEFORE[-12:]],
    ids=["a_month", "three_months", "the_whole_year", "a_past_month", "a_past_year"],
)
def test_a_bulk_load_that_triples_registrations_is_silent_and_shows(
    models: dict[str, Compiled], of: list[date]
) -> None:
    world = eight_missions()
    a_backlog(world, of)
    connection = world.run(models, *MODELS)
    assert raised(connection) == []
    assert connection.execute(
        "select left_out_bulk_load > 1000 from analysis.emerging where mission_code = 'MDA' "
        "and value = 'forced_labour'"
    ).fetchone() == (True,)
    if len(of) < 12:
        assert connection.execute(
            "select distinct mission_code, registered_month from analysis.representation_month where is_bulk "
            "order by all"
        ).fetchall() == [("MDA", month) for month in of]


def test_a_small_backlog_that_triples_one_mission_is_silent(models: dict[str, Compiled]) -> None:
    world, dice = eight_missions(), chance(2)
    for month in RECENT:
        for _ in range(16):  # 8 a month become 24
            case(world, "UKR", month, dice, labour=1.0)
    connection = world.run(models, *MODELS)
    assert raised(connection) == []
    assert reasons(connection, "UKR", "forced_labour") == "bulk_load"


def test_a_new_mission_is_silent(models: dict[str, Compiled]) -> None:
    world, dice = eight_missions(), chance(3)
    for month in BEFORE[-6:] + RECENT:
        for _ in range(30):
            case(world, "SEN", month, dice, labour=1.0 if month in RECENT else 0.1)
    connection = world.run(models, *MODELS)
    assert raised(connection) == []
    assert reasons(connection, "SEN", "forced_labour") == "new_mission"


def test_a_changed_form_is_silent(models: dict[str, Compiled]) -> None:
    """Half of the missions take a new form on which labour is ticked three times as often."""
    world = eight_missions(labour=dict.fromkeys(MISSIONS[:4], 0.9))
    for row in world.cases:
        if row["mission_code"] in MISSIONS[:4] and row["registered_month"] in RECENT:
            row["form_version"] = "v2"
    connection = world.run(models, *MODELS)
    assert raised(connection) == []
    assert reasons(connection, MISSIONS[0], "forced_labour") == "changed_form"
    assert connection.execute(
        "select missions from analysis.emerging where scope = 'all_missions' and value = 'forced_labour'"
    ).fetchone() == (4,)


def test_a_form_that_changes_in_the_recent_year_is_called_so(models: dict[str, Compiled]) -> None:
    world = eight_missions(labour={"ALB": 0.9})
    for row in world.cases:
        if row["mission_code"] == "ALB" and row["registered_month"] in RECENT[1:]:
            row["form_version"] = "v2"
    connection = world.run(models, *MODELS)
    assert raised(connection) == []
    assert reasons(connection, "ALB", "forced_labour") == "changed_form"


def test_what_comes_in_one_month_is_silent(models: dict[str, Compiled]) -> None:
    """A raid on one factory is an event and no pattern, although its month is not out of the ordinary."""
    world, dice = eight_missions(), chance(4)
    for _ in range(13):
        case(world, "KHM", RECENT[7], dice, 1.0, country_of_exploitation_basis="last_exploitation",
             citizenship="KHM", country_of_exploitation="THA")  # fmt: skip
    for month in BEFORE[-36:] + RECENT:
        for _ in range(2):
            case(world, "KHM", month, dice, 0.3, country_of_exploitation_basis="last_exploitation",
                 citizenship="KHM", country_of_exploitation="MYS")  # fmt: skip
    connection = world.run(models, *MODELS)
    assert ("KHM", "corridor", "KHM_THA") not in raised(connection)
    assert reasons(connection, "KHM", "KHM_THA") in ("few_months", "bulk_load")


def test_volume_alone_is_silent(models: dict[str, Compiled]) -> None:
    """Every mission registers half as much again, of the same kinds."""
    world, dice = eight_missions(), chance(5)
    for mission in MISSIONS:
        for month in RECENT:
            for _ in range(4):
                case(world, mission, month, dice, labour=0.3)
    assert raised(world.run(models, *MODELS)) == []


def one_mission(recent: int, recent_known: int, past: int, past_known: int) -> World:
    """A table of two by two as one mission, evenly over its months."""
    world = World()
    for window, yes, known in ((RECENT, recent, recent_known), (BEFORE[-36:], past, past_known)):
        for n in range(known):
            world.case(
                "MDA", window[n % len(window)], gender="masculine" if n < yes else "feminine"
            )
    world.case("MDA", BEFORE[0])  # it is no new mission
    return world


@pytest.mark.parametrize(
    ("recent", "recent_known", "past", "past_known"),
    [(30, 100, 50, 300), (10, 60, 30, 200), (25, 50, 20, 150), (90, 180, 200, 400)],
)
def test_numbers_are_those_of_the_textbook(
    models: dict[str, Compiled], recent: int, recent_known: int, past: int, past_known: int
) -> None:
    connection = one_mission(recent, recent_known, past, past_known).run(models, *MODELS)
    ratio, low, high, p = (
        connection.execute(
            "select rate_ratio, ratio_low, ratio_high, p_value from analysis.emerging "
            "where scope = 'mission' and dimension = 'gender' and value = 'masculine'"
        ).fetchone()
        or ()
    )
    expected = stats.contingency.relative_risk(recent, recent_known, past, past_known)
    interval = expected.confidence_interval(0.95)
    assert ratio == pytest.approx(expected.relative_risk, abs=1e-4)
    assert (low, high) == pytest.approx((interval.low, interval.high), abs=1e-4)
    table = [[recent, recent_known - recent], [past, past_known - past]]
    known, cases = recent_known + past_known, recent + past
    spread = math.sqrt(
        recent_known * past_known * cases * (known - cases) / (known**2 * (known - 1))
    )
    z = max(abs(recent - recent_known * cases / known) - 0.5, 0) / spread
    assert p == pytest.approx(2 * stats.norm.sf(z), rel=1e-5, abs=1e-9)
    assert p == pytest.approx(stats.fisher_exact(table).pvalue, rel=0.35, abs=2e-3)


def test_q_values_are_those_of_benjamini_and_hochberg(models: dict[str, Compiled]) -> None:
    connection = eight_missions(labour={"MDA": 0.8, "UKR": 0.6}).run(models, *MODELS)
    for scope in ("mission", "all_missions"):
        rows = connection.execute(
            "select p_value, q_value, comparisons from analysis.emerging where scope = ? and p_value is not null",
            [scope],
        ).fetchall()
        expected = stats.false_discovery_control([row[0] for row in rows])
        assert [row[1] for row in rows] == pytest.approx(list(expected), abs=1e-8)
        assert {row[2] for row in rows} == {len(rows)}


def test_order_of_cases_changes_nothing(models: dict[str, Compiled]) -> None:
    world = eight_missions(labour={"MDA": 0.6, "ALB": 0.6})
    once = world.run(models, *MODELS).execute("from analysis.emerging").fetchall()
    chance(9).shuffle(world.cases)
    assert world.run(models, *MODELS).execute("from analysis.emerging").fetchall() == once
