"""The seeds against what they claim to be; the lists of the canonical model are among them."""

from __future__ import annotations

import csv
import re
from collections import defaultdict

import pytest
from babel.core import get_global

from counterflow import canonical
from tests.dbt.small_night import PROJECT


def read(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


COUNTRIES = read("country.csv")
LISTS: dict[str, list[str]] = defaultdict(list)
for row in read("code.csv"):
    LISTS[row["code_list"]].append(row["code"])


def test_countries_are_those_of_iso_3166() -> None:
    alpha3 = [row["country_code"] for row in COUNTRIES]
    assert len(set(alpha3)) == len(alpha3) == 250
    assert len({row["country_code2"] for row in COUNTRIES}) == 250
    aliases = get_global("territory_aliases")
    for row in COUNTRIES:
        if row["country_code"] != "XKX":  # CLDR says XKK
            assert aliases[row["country_code"]] == [row["country_code2"]], row


def test_regions_are_those_of_m49() -> None:
    by_region: dict[str, int] = defaultdict(int)
    for row in COUNTRIES:
        assert row["m49_region"], row
        assert row["m49_subregion"], row
        by_region[row["m49_region"]] += 1
    # M49's own counts, with Taiwan in Asia and Kosovo in Europe
    assert by_region == {
        "Africa": 60, "Americas": 57, "Antarctica": 1, "Asia": 51, "Europe": 52, "Oceania": 29,
    }  # fmt: skip
    see = [row for row in COUNTRIES if row["is_south_eastern_europe"] == "true"]
    assert {row["m49_region"] for row in see} == {"Europe"}
    assert len(see) == 10


@pytest.mark.parametrize("table", canonical.TABLES.values(), ids=lambda table: table.name)
def test_every_coded_field_has_its_list(table: canonical.Table) -> None:
    for field in table.fields:
        if field.code_list and field.code_list != "country":
            assert len(LISTS[field.code_list]) > 2, field.name


@pytest.mark.parametrize(
    ("code_list", "codes"),
    [
        ("age_band", canonical.AGE_BANDS),
        ("duration_band", canonical.DURATION_BANDS),
        ("country_basis", canonical.COUNTRY_BASES),
        ("assistance_status", canonical.ASSISTANCE_STATUSES),
        ("vulnerability_level", canonical.VULNERABILITY_LEVELS),
        ("children_band", canonical.CHILDREN_BANDS),
        ("online_platform_purpose", canonical.PLATFORM_PURPOSES),
        ("referral_direction", canonical.REFERRAL_DIRECTIONS),
        ("perpetrator_age_band", canonical.PERPETRATOR_AGE_BANDS),
    ],
)
def test_our_own_lists_are_the_models(code_list: str, codes: tuple[str, ...]) -> None:
    assert LISTS[code_list] == [*codes, "unknown", "not_asked"]


def test_four_answers() -> None:
    assert LISTS["answer"] == ["yes", "no", "unknown", "not_asked"]


def test_codes_are_snake_case_and_unique() -> None:
    for code_list, codes in LISTS.items():
        assert len(set(codes)) == len(codes), code_list
        for code in codes:
            assert re.fullmatch(r"[a-z0-9_]+|\d+-\d+|\d+\+", code), code


def test_htcds_is_whole_and_attributed() -> None:
    sources = [row["source"] for row in read("code.csv")]
    # 182 values of HTCDS, of which 15 platforms and 3 reasons for referral stand there twice
    assert sum("CC BY 4.0" in source for source in sources) == 182 - 15 - 3
    assert {
        "forced_labour",
        "not_a_victim_of_trafficking",
        "a_agriculture_forestry_and_fishing",
    } <= {code for codes in LISTS.values() for code in codes}
