"""Statements and their counterexamples: what counts as one, what is in the denominator, and when a verdict is given."""

from __future__ import annotations

import csv
import re
from datetime import date
from typing import Any

import pytest
from scipy import stats

from tests.dbt.core_world import Compiled, World
from tests.dbt.small_night import PROJECT

MODELS = ("reference_myth", "tally_myths", "myths")
MONTH = date(2009, 5, 1)
MISSIONS = ("ALB", "MDA", "UKR")


def measured(world: World, models: dict[str, Compiled], myth: str) -> tuple[Any, ...]:
    found = (
        world.run(models, *MODELS)
        .execute(
            "select numerator, denominator, missions, verdict from analysis.myths where myth = ?",
            [myth],
        )
        .fetchone()
    )
    assert found
    return found


@pytest.mark.parametrize(
    ("myth", "counterexample", "example", "neither"),
    [
        ("only_women", {"gender": "masculine"}, {"gender": "feminine"}, {}),
        ("only_adults", {"is_minor": "yes"}, {"is_minor": "no"}, {"is_minor": "not_asked"}),
        ("only_the_young", {"age_band": "30-38"}, {"age_band": "27-29"}, {"age_band": "unknown"}),
        (
            "only_sexual_exploitation",
            {"is_sexual_exploitation": "no", "is_forced_labour": "yes"},
            {"is_sexual_exploitation": "yes", "is_forced_labour": "yes"},
            {"is_sexual_exploitation": "unknown", "is_forced_labour": "yes"},
        ),
        (
            "one_kind_of_exploitation",
            {"is_sexual_exploitation": "yes", "is_forced_labour": "yes"},
            {"is_sexual_exploitation": "yes", "is_forced_labour": "no"},
            {"is_sexual_exploitation": "yes", "is_forced_labour": "unknown"},
        ),
        (
            "sexual_exploitation_is_of_women",
            {"is_sexual_exploitation": "yes", "gender": "masculine"},
            {"is_sexual_exploitation": "yes", "gender": "feminine"},
            {"is_sexual_exploitation": "no", "gender": "masculine"},
        ),
        (
            "labour_is_of_men",
            {"is_forced_labour": "yes", "gender": "feminine"},
            {"is_forced_labour": "yes", "gender": "masculine"},
            {"is_forced_labour": "yes"},
        ),
        ("always_a_border", {"is_cross_border": "no"}, {"is_cross_border": "yes"}, {}),
        (
            "far_from_home",
            {"is_cross_border": "yes", "citizenship": "MDA", "country_of_exploitation": "RUS"},
            {"is_cross_border": "yes", "citizenship": "MDA", "country_of_exploitation": "ARE"},
            {"is_cross_border": "no", "citizenship": "MDA", "country_of_exploitation": "MDA"},
        ),
        ("trafficked_once", {"is_retrafficked": "yes"}, {"is_retrafficked": "no"}, {}),
        (
            "soon_over",
            {"duration_band": "12_to_23_months"},
            {"duration_band": "3_to_11_months"},
            {"duration_band": "not_asked"},
        ),
        (
            "victims_are_uneducated",
            {"education": "lower_secondary_education"},
            {"education": "primary_education"},
            {"education": "unknown"},
        ),
        (
            "police_find_victims",
            {"referral_source": "ngo"},
            {"referral_source": "law_enforcement"},
            {"referral_source": "not_asked"},
        ),
        (
            "recruiters_are_strangers",
            {"fct_recruitment": [{"recruiter_relationship": "familial"}]},
            {"fct_recruitment": [{"recruiter_relationship": "unaquainted"}]},
            {"fct_recruitment": [{"recruiter_relationship": "unknown"}]},
        ),
        (
            "children_are_recruited_by_strangers",
            {"is_minor": "yes", "fct_recruitment": [{"recruiter_relationship": "acquainted"}]},
            {"is_minor": "yes", "fct_recruitment": [{"recruiter_relationship": "unaquainted"}]},
            {"is_minor": "no", "fct_recruitment": [{"recruiter_relationship": "familial"}]},
        ),
        (
            "recruited_online",
            {"fct_recruitment": [{"recruitment_method": "at_work"}]},
            {
                "fct_recruitment": [
                    {"recruitment_method": "at_work"},
                    {"recruitment_method": "through_online_social_networks"},
                ]
            },
            {"fct_recruitment": [{"recruitment_method": "not_asked"}]},
        ),
        (
            "recruited_by_adverts",
            {"fct_recruitment": [{"recruitment_method": "through_friends_or_social_events"}]},
            {"fct_recruitment": [{"recruitment_method": "through_a_newspaper_advert"}]},
            {"fct_recruitment": [{"recruitment_method": "unknown"}]},
        ),
        (
            "victims_are_kidnapped",
            {"bridge_perpetrator_role": [{"perpetrator_number": 1, "role": "exploiter"}]},
            {
                "bridge_perpetrator_role": [
                    {"perpetrator_number": 1, "role": "exploiter"},
                    {"perpetrator_number": 2, "role": "kidnapper"},
                ]
            },
            {"bridge_perpetrator_role": [{"perpetrator_number": 1, "role": "unknown"}]},
        ),
        (
            "held_by_physical_violence",
            {
                "fct_control": [
                    {"means_of_control": "physical_abuse", "answer": "no"},
                    {"means_of_control": "debt_bondage", "answer": "yes"},
                ]
            },
            {"fct_control": [{"means_of_control": "physical_abuse", "answer": "yes"}]},
            {"fct_control": [{"means_of_control": "debt_bondage", "answer": "yes"}]},
        ),
        (
            "perpetrators_are_men",
            {"fct_perpetrator": [{"perpetrator_number": 1, "gender": "feminine"}]},
            {"fct_perpetrator": [{"perpetrator_number": 1, "gender": "masculine"}]},
            {"fct_perpetrator": [{"perpetrator_number": 1, "gender": "non_specified_unknown"}]},
        ),
    ],
)
def test_what_counts_as_a_counterexample(
    models: dict[str, Compiled],
    myth: str,
    counterexample: dict[str, Any],
    example: dict[str, Any],
    neither: dict[str, Any],
) -> None:
    world = World()
    for mission in MISSIONS:
        for number, values in ((7, counterexample), (3, example), (5, neither)):
            world.case(mission, MONTH, number, **values)
    assert measured(world, models, myth) == (21, 30, 3, "contradicted")


def women_and_men(women: int, men: int, *missions: str) -> World:
    world = World()
    for mission in missions:
        world.case(mission, MONTH, women, gender="feminine")
        world.case(mission, MONTH, men, gender="masculine")
    return world


@pytest.mark.parametrize(
    ("world", "verdict"),
    [
        (women_and_men(3, 3, *MISSIONS), "too_few"),  # 18 cases
        (women_and_men(50, 50, "ALB", "MDA"), "too_few"),  # two missions
        (women_and_men(90, 10, *MISSIONS), "contradicted"),
        (women_and_men(95, 5, *MISSIONS), "not_contradicted"),  # 5 %, but it may be 3
        (women_and_men(100, 0, *MISSIONS), "not_contradicted"),
    ],
)
def test_verdicts(models: dict[str, Compiled], world: World, verdict: str) -> None:
    assert measured(world, models, "only_women")[3] == verdict


def test_one_mission_contradicts_nothing(models: dict[str, Compiled]) -> None:
    world = women_and_men(60, 0, "ALB", "MDA")
    world.case("UKR", MONTH, 60, gender="masculine")
    assert measured(world, models, "only_women") == (60, 180, 3, "not_contradicted")


def test_a_form_without_a_no_does_not_speak_of_violence(models: dict[str, Compiled]) -> None:
    world = World()
    for mission in MISSIONS:
        world.case(
            mission, MONTH, 9, fct_control=[{"means_of_control": "debt_bondage", "answer": "yes"}]
        )
        world.case(
            mission, MONTH, 9,
            fct_control=[
                {"means_of_control": "physical_abuse", "answer": "yes"},
                *({"means_of_control": m, "answer": "unknown"} for m in ("debt_bondage", "other", "takes_earnings")),
            ],
        )  # fmt: skip
    assert measured(world, models, "held_by_physical_violence") == (0, 0, 0, "too_few")


def test_shares_have_their_interval(models: dict[str, Compiled]) -> None:
    found = (
        women_and_men(90, 10, *MISSIONS)
        .run(models, *MODELS)
        .execute(
            "select share, share_low, share_high, threshold from analysis.myths where myth = 'only_women'"
        )
        .fetchone()
    )
    wilson = stats.binomtest(30, 300).proportion_ci(0.95, method="wilson")
    assert found == pytest.approx((0.1, wilson.low, wilson.high, 0.05), abs=1e-4)


def test_every_statement_is_measured_and_every_measure_is_of_a_statement() -> None:
    with (PROJECT / "seeds" / "reference_myth.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    sql = (PROJECT / "models" / "tally" / "tally_myths.sql").read_text("utf-8")
    named = set(re.findall(r"^\s*\('(\w+)', ", sql, re.MULTILINE))
    named |= set(re.findall(r"'(\w+)' as myth", sql))
    assert {row["myth"] for row in told} == named
    assert {row["kind"] for row in told} == {"only", "mostly"}
    for row in told:
        assert row["statement"].endswith(".")
        assert row["caveat"], row
