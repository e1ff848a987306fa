"""Who identified the cases, by period."""

from __future__ import annotations

from datetime import date

from tests.dbt.core_world import Compiled, World


def test_who_identified_by_period(models: dict[str, Compiled]) -> None:
    world = World()
    world.case("MDA", date(2003, 1, 1), 15, referral_source="ngo")
    world.case("UKR", date(2004, 1, 1), 5, referral_source="law_enforcement")
    world.case("UKR", date(2004, 1, 1), 4, referral_source="not_asked")
    world.case("UKR", date(2006, 1, 1), 3, referral_source="ngo")
    world.case("UKR", None, 3, referral_source="ngo")
    police = {"decision": "actual_victim_of_trafficking", "decided_by": "police"}
    court = {"decision": "actual_victim_of_trafficking", "decided_by": "court_or_prosecution"}
    world.case("ROU", date(2009, 1, 1), 20, fct_screening=[police, court])
    world.case("ROU", date(2009, 1, 1), 20, fct_screening=[police, police])
    found = (
        world.run(models, "tally_identification", "identification")
        .execute(
            "select question, period, identified_by, numerator, denominator, cases, share, share_note, missions, "
            "largest_mission_share from analysis.identification order by all"
        )
        .fetchall()
    )
    assert found == [
        ("referral_source", "2002-2004", "law_enforcement", 5, 20, 24, 0.25, None, 2, 0.75),
        ("referral_source", "2002-2004", "ngo", 15, 20, 24, 0.75, None, 2, 0.75),
        ("referral_source", "2005-2007", "ngo", 3, 3, 3, None, "too_few", 1, 1.0),
        ("screening", "2008-2010", "court_or_prosecution", 20, 40, 40, 0.5, None, 1, 1.0),
        ("screening", "2008-2010", "police", 40, 40, 40, 1.0, None, 1, 1.0),
    ]
