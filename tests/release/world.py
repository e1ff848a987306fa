"""A small published warehouse for the tests of releases, made by SQL and dice: no export, no dbt.

Case n has the same attributes in every warehouse that holds it, so one is another's later night. Nothing here
knows how a release is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from counterflow import keys
from counterflow.release import policy as policies
from counterflow.release.policy import ReleasePolicy, Table
from counterflow.settings import PROJECT, Settings
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest

NIGHT = date(2010, 11, 25)
COUNTRIES = ("MDA", "ROU", "UKR", "KHM", "NGA", "IDN", "ETH", "COL", "PHL", "ALB")
MEANS = ("debt_bondage", "physical_threats", "physical_abuse", "takes_earnings")


def key(number: int) -> str:
    """The case key of case `number`."""
    return hashlib.sha256(f"case {number}".encode()).hexdigest()[:32]


def installation(root: Path) -> Settings:
    """A home with a master key."""
    settings = Settings(home=root / "home", exports=root / "exports", missions=root / "missions")
    keys.init(settings.keys)
    return settings


def small(**changes: object) -> ReleasePolicy:
    """The committed policy with fewer columns and tables, for tests that look at mechanisms."""
    policy = policies.load()
    chosen = (
        "registration_year", "gender", "age_band", "citizenship", "is_sexual_exploitation", "means_abuse",
    )  # fmt: skip
    tables = {
        "profiles": policy.tables["profiles"],
        "trends": policy.tables["trends"],
        "means_of_control_gender": policy.tables["means_of_control_gender"],
        "origins": Table("Cases by citizenship", "case", ("citizenship",)),
    }
    made = replace(
        policy,
        columns={name: policy.columns[name] for name in chosen},
        tables=tables,
        floor_cases=200,
        effort=0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def publish(
    settings: Settings,
    cases: Iterable[int],
    night: date = NIGHT,
    changed: Mapping[int, Mapping[str, str]] | None = None,
) -> None:
    """Publish a warehouse of these cases, `changed` having other attributes than their own."""
    numbers = list(cases)
    rows = [_case(n) | dict((changed or {}).get(n, {})) for n in numbers]
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    path = settings.warehouse / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.register("dice", pa.Table.from_pylist(rows))
        seeds = PROJECT / "dbt_project" / "seeds"
        connection.execute(f"""
        create schema core; create schema analysis; create schema quality;
        create table core.dim_code as from read_csv('{seeds / "code.csv"}', all_varchar = true, header = true);
        create table core.dim_country as select * replace (is_south_eastern_europe = 'true' as is_south_eastern_europe)
            from read_csv('{seeds / "country.csv"}', all_varchar = true, header = true);
        create table core.fct_case as select case_key, mission_code, registration_year::integer as registration_year,
            gender, age_band, case when age_band in ('0-8', '9-17') then 'yes' else 'no' end as is_minor,
            citizenship, country_of_exploitation, 'last_exploitation' as country_of_exploitation_basis,
            'unknown' as is_cross_border, is_sexual_exploitation, is_forced_labour, 'no' as is_other_exploitation,
            'unknown' as duration_band, 'not_asked' as is_retrafficked, 'ngo' as referral_source from dice;
        create table core.fct_control as
            select case_key, m.means as means_of_control, case m.place when 0 then m0 when 1 then m1 when 2 then m2 else m3 end as answer
            from dice, (select unnest({list(MEANS)!r}) as means, generate_subscripts({list(MEANS)!r}, 1) - 1 as place) as m;
        create table core.fct_exploitation as select case_key,
            case when is_forced_labour = 'yes' then 'forced_labour' else 'sexual_exploitation' end as exploitation_type,
            case when is_forced_labour = 'yes' then sector end as labour_sector from dice;
        create table core.fct_recruitment as select case_key, 'at_work' as recruitment_method, relation as recruiter_relationship from dice;
        create table core.fct_vulnerability as select case_key, 'poverty' as factor, 'not_asked' as level, m0 as answer from dice;
        create table core.fct_assistance as select case_key, 'health' as service_type, 'provided' as status from dice;
        create table core.fct_route_leg as select case_key, citizenship as from_country, country_of_exploitation as to_country from dice;
        create table analysis.caveat as select 'core.fct_case' as table_name,
            'Only persons whom the missions assisted are here. Counts are never prevalence.' as caveat;
        checkpoint;
        """)
    write_manifest(settings.warehouse / MANIFEST, Build(night, f"build{len(rows)}", {}, (), 0.0))


def _case(number: int) -> dict[str, str | None]:
    """What case `number` is like: a few frequent kinds, and a tail of rare ones."""
    dice = np.random.default_rng(number)

    def one(values: tuple[str, ...], *weights: float) -> str:
        shares = np.array(weights or [1.0] * len(values))
        return str(dice.choice(values, p=shares / shares.sum()))

    gender = one(("feminine", "masculine", "non_specified_unknown"), 70, 28, 2)
    sexual = one(
        ("yes", "no", "unknown"), *((60, 30, 10) if gender == "feminine" else (10, 80, 10))
    )
    citizenship = one(COUNTRIES, 30, 20, 15, 10, 8, 6, 5, 3, 2, 1)
    return {
        "case_key": key(number),
        "mission_code": one(("MDA", "UKR", "KHM")),
        "registration_year": one(("2007", "2008", "2009", "2010"), 1, 2, 3, 4),
        "gender": gender,
        "age_band": one(("9-17", "18-20", "21-23", "24-26", "30-38", "48+"), 20, 25, 25, 15, 14, 1),
        "citizenship": citizenship if dice.random() > 0.02 else None,
        "country_of_exploitation": one(COUNTRIES[::-1], 30, 20, 15, 10, 8, 6, 5, 3, 2, 1),
        "is_sexual_exploitation": sexual,
        "is_forced_labour": "no" if sexual == "yes" else one(("yes", "no", "unknown"), 60, 30, 10),
        "sector": one(("a_agriculture_forestry_and_fishing", "f_construction", "unknown")),
        "relation": one(("familial", "acquainted", "unaquainted", "unknown")),
        **{f"m{i}": one(("yes", "no", "unknown"), 25, 25, 50) for i in range(4)},
    }
