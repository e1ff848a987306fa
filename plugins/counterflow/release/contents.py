"""What a release is made of: a case's row, and the views that its tables count.

In: the published warehouse, attached read-only as `published`. Out: temporary views, one row a case
or a case and item; none holds a NULL, so that in a release an empty cell can only mean one thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from counterflow.disclosure import Hierarchy
from counterflow.disclosure import hierarchies as known

SUPPRESSED = "suppressed"  # the release's own word; no code list has it
NOT_STATED = "not_stated"  # core keeps a country that is unknown or was not asked as NULL

_MEANS = {
    "debt_or_earnings": ("debt_bondage", "takes_earnings"),
    "threats": ("physical_threats", "threats_law_enforcement", "threatens_children_family"),
    "abuse": ("physical_abuse", "sexual_abuse", "psychological_abuse"),
    "false_promises": ("false_promises",),
    "substances": ("psychoactive_substance",),
    "denied_needs": (
        "restricts_financial_access",
        "restricts_medical_care",
        "withholds_necessities",
        "restricts_movement",
    ),
    "excessive_hours": ("excessive_working_hours",),
    "withheld_documents": ("withholds_documents",),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A column for people: its title, what it means, and the code lists that its values come from."""

    title: str
    meaning: str
    lists: tuple[str, ...] = ()


_ANSWER = "yes, no, unknown (asked, no answer known) or not_asked (the form had no such question)."
COLUMNS: Mapping[str, Described] = {
    "registration_year": Described(
        "Year of registration",
        "Year in which a mission registered the person: neither entry nor exit.",
    ),
    "gender": Described("Gender", "As the person or the case worker says.", ("gender",)),
    "age_band": Described("Age", "Full years at registration.", ("age_band",)),
    "is_minor": Described("Minor", f"Under 18 at registration: {_ANSWER}", ("answer",)),
    "citizenship": Described(
        "Citizenship",
        "The first citizenship that the record names, ISO 3166 alpha-3.",
        ("country",),
    ),
    "exploitation_country": Described(
        "Country of exploitation",
        "Where the person was last exploited, ISO 3166 alpha-3; not_stated too where only a proxy is recorded.",
        ("country",),
    ),
    "country_on_basis": Described(
        "Country, by what it is based on",
        "ISO 3166 alpha-3. Only where the basis is last_exploitation is it where the person was exploited.",
        ("country",),
    ),
    "exploitation_country_basis": Described(
        "What that country is based on",
        "last_exploitation, or a proxy: where the person was screened, registered or assisted.",
        ("country_basis",),
    ),
    "is_cross_border": Described(
        "Across a border",
        f"Exploited outside every known citizenship; unknown wherever the country is a proxy. {_ANSWER}",
        ("answer",),
    ),
    "is_sexual_exploitation": Described("Sexual exploitation", _ANSWER, ("answer",)),
    "is_forced_labour": Described(
        "Forced labour", f"Forced or child labour, begging or servitude: {_ANSWER}", ("answer",)
    ),
    "is_other_exploitation": Described(
        "Other exploitation", f"Marriage, organs, military and others: {_ANSWER}", ("answer",)
    ),
    "labour_sector": Described(
        "Sector of labour",
        "ISIC section of the work; several: more than one; not_labour: no kind of work is recorded.",
        ("labour_sector",),
    ),
    "duration_band": Described(
        "Duration", "Time in the trafficking situation.", ("duration_band",)
    ),
    "recruiter_relationship": Described(
        "Relationship to the recruiter",
        "several: more than one; not_recorded: the record has no recruitment, or the form did not ask.",
        ("recruiter_relationship",),
    ),
    "is_retrafficked": Described("Trafficked before", _ANSWER, ("answer",)),
    **{
        f"means_{group}": Described(
            "Means of control: " + group.replace("_", " "),
            f"Any of {', '.join(items)}: yes if one is yes; no if all that were asked are no; "
            "else unknown; not_asked if the form had none of them.",
            ("answer",),
        )
        for group, items in _MEANS.items()
    },
    "referral_source": Described(
        "Referred by", "Kind of organisation that referred the person.", ("organisation_type",)
    ),
    "attribute": Described("Attribute", "Column of the microdata."),
    "value": Described("Value", "Its value, before anything was coarsened or suppressed."),
    "exploitation": Described(
        "Kind of exploitation", "sexual, labour or other; a case may count in several."
    ),
    "answer": Described("Answer", _ANSWER, ("answer",)),
    "means_of_control": Described("Means of control", "The single item.", ("means_of_control",)),
    "exploitation_type": Described("Type of exploitation", "Of HTCDS.", ("exploitation_type",)),
    "recruitment_method": Described("Channel of recruitment", "Of HTCDS.", ("recruitment_method",)),
    "from_country": Described("From", "Where the leg of the route began.", ("country",)),
    "to_country": Described("To", "Where it ended.", ("country",)),
    "factor": Described("Factor of vulnerability", "Of HTCDS.", ("vulnerability_factor",)),
    "level": Described("Level", "Whose factor it is.", ("vulnerability_level",)),
    "service_type": Described("Service", "Of HTCDS.", ("service_type",)),
    "status": Described("Status of the service", "Of HTCDS.", ("assistance_status",)),
}
OWN_CODES = {  # words that no code list of the warehouse has
    SUPPRESSED: "Known inside, and not shown: it, or what it shows together with others, would have singled somebody out.",
    NOT_STATED: "A country that is not known, that the form did not ask, or of which only a proxy is recorded.",
    "several": "More than one is recorded.",
    "not_labour": "No exploitation that is work is recorded.",
    "not_recorded": "Nothing is recorded, or the form did not ask.",
    "sexual": "Sexual exploitation.",
    "labour": "Forced labour, child labour, begging or servitude.",
    "other_or_unspecified": "Another gender, or not specified.",
    "agriculture": "Sectors A.",
    "industry": "Sectors B to F.",
    "services": "Sectors G to U.",
    "under_12_months": "Less than twelve months.",
    "12_months_and_over": "Twelve months and over.",
}


def hierarchies() -> Mapping[str, Hierarchy]:
    """How values become coarser, by the name that the policy calls it."""
    same = {code: code for code in ("unknown", "not_asked", "several", "not_labour")}
    gender = {"feminine": "feminine", "masculine": "masculine"}
    others = ("transgender_feminine", "transgender_masculine", "non_conforming")
    gender |= dict.fromkeys((*others, "non_specified_unknown", "not_asked"), "other_or_unspecified")
    durations = {
        "under_3_months": "under_12_months",
        "3_to_11_months": "under_12_months",
        "12_to_23_months": "12_months_and_over",
        "24_months_and_over": "12_months_and_over",
    }

    def sector(value: str | int | bool) -> tuple[str | None, ...]:
        text = str(value)
        if text in same:
            return (text,)
        section = text[0]
        return ("agriculture" if section == "a" else "industry" if section <= "f" else "services",)

    return {
        "years": Hierarchy(("three_years",), three_years),
        "age": known.age_bands(),
        "country": known.countries(),
        "gender": known.tiers({"group": gender}),
        "sector": Hierarchy(("group",), sector),
        "duration": known.tiers({"group": durations | same}),
    }


def three_years(year: str | int | bool) -> tuple[str | None, ...]:
    """The three years that a year belongs to, as analysis.representation counts them, from 2002."""
    if not str(year).isdigit():
        return (None,)
    start = int(year) - (int(year) - 2002) % 3
    return (f"{start}-{start + 2}",)


def sources(column: str) -> tuple[tuple[str, str], ...]:
    """The columns of core that a column of the microdata is made of."""
    if column.startswith("means_") and column != "means_of_control":
        return (("core.fct_control", "means_of_control"), ("core.fct_control", "answer"))
    return (_ELSEWHERE.get(column, ("core.fct_case", column)),)


_ELSEWHERE = {
    "labour_sector": ("core.fct_exploitation", "labour_sector"),
    "recruiter_relationship": ("core.fct_recruitment", "recruiter_relationship"),
    "exploitation_country": ("core.fct_case", "country_of_exploitation"),
    "exploitation_country_basis": ("core.fct_case", "country_of_exploitation_basis"),
}


def define(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views of a release over the attached database `published`."""
    means = ",\n".join(
        f"""case when bool_or(answer = 'yes') filter (means_of_control in {items!r}) then 'yes'
            when bool_or(answer = 'unknown') filter (means_of_control in {items!r}) then 'unknown'
            when bool_or(answer = 'no') filter (means_of_control in {items!r}) then 'no'
            else 'not_asked' end as means_{group}""".replace(",)", ")")
        for group, items in _MEANS.items()
    )
    # S608 is off: names are ours
    connection.execute(f"""
    create temp table control_groups as
        select case_key, {means} from published.core.fct_control group by case_key;
    create temp view sectors as
        select case_key, list(distinct labour_sector order by labour_sector)
            filter (labour_sector not in ('unknown', 'not_asked')) as named,
            bool_or(labour_sector = 'unknown') as has_unknown,
            bool_or(labour_sector = 'not_asked') as has_not_asked
        from published.core.fct_exploitation group by case_key;
    create temp view recruiters as
        select case_key, list(distinct recruiter_relationship order by recruiter_relationship)
            filter (recruiter_relationship not in ('unknown', 'not_asked')) as named,
            bool_or(recruiter_relationship = 'unknown') as has_unknown
        from published.core.fct_recruitment group by case_key;
    create temp table release_case as
        select
            c.case_key, c.mission_code,
            coalesce(c.registration_year::varchar, 'unknown') as registration_year,
            c.gender, c.age_band, c.is_minor,
            coalesce(c.citizenship, '{NOT_STATED}') as citizenship,
            case when c.country_of_exploitation_basis = 'last_exploitation'
                then coalesce(c.country_of_exploitation, '{NOT_STATED}') else '{NOT_STATED}' end as exploitation_country,
            coalesce(c.country_of_exploitation, '{NOT_STATED}') as country_on_basis,
            c.country_of_exploitation_basis as exploitation_country_basis,
            c.is_cross_border, c.is_sexual_exploitation, c.is_forced_labour, c.is_other_exploitation,
            case when len(s.named) > 1 then 'several' when len(s.named) = 1 then s.named[1]
                when s.has_unknown then 'unknown' when s.has_not_asked then 'not_asked'
                else 'not_labour' end as labour_sector,
            c.duration_band,
            case when len(r.named) > 1 then 'several' when len(r.named) = 1 then r.named[1]
                when r.has_unknown then 'unknown' when r.case_key is not null then 'not_asked'
                else 'not_recorded' end as recruiter_relationship,
            c.is_retrafficked, c.referral_source,
            {", ".join(f"coalesce(m.means_{group}, 'not_asked') as means_{group}" for group in _MEANS)}
        from published.core.fct_case as c
        left join control_groups as m using (case_key)
        left join sectors as s using (case_key)
        left join recruiters as r using (case_key);
    create temp view "case" as select * exclude (mission_code) from release_case;
    create temp table kind as
        unpivot (select case_key, registration_year, gender, citizenship, is_sexual_exploitation as sexual,
            is_forced_labour as labour, is_other_exploitation as other from release_case)
        on sexual, labour, other into name exploitation value answer;
    create temp view kind_yes as select * exclude (answer) from kind where answer = 'yes';
    create temp view control as
        select k.case_key, k.exploitation, f.means_of_control, f.answer
        from kind_yes as k join published.core.fct_control as f using (case_key);
    create temp view control_case as
        select c.case_key, c.gender, c.is_minor, f.means_of_control, f.answer
        from release_case as c join published.core.fct_control as f using (case_key);
    create temp view exploitation as
        select c.case_key, c.gender, f.exploitation_type, coalesce(f.labour_sector, 'not_labour') as labour_sector
        from release_case as c join published.core.fct_exploitation as f using (case_key);
    create temp view recruitment as
        select case_key, recruitment_method, recruiter_relationship from published.core.fct_recruitment;
    create temp view vulnerability as
        select case_key, factor, level, answer from published.core.fct_vulnerability;
    create temp view assistance as
        select c.case_key, c.gender, f.service_type, f.status
        from release_case as c join published.core.fct_assistance as f using (case_key);
    create temp view route_leg as
        select case_key, coalesce(from_country, '{NOT_STATED}') as from_country,
            coalesce(to_country, '{NOT_STATED}') as to_country
        from published.core.fct_route_leg;
    """)


def profile(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
    """Make the view `profile`: a row for each case and column of the microdata."""
    listed = ", ".join(f'"{c}"' for c in columns)
    connection.execute(
        f"create or replace temp view profile as unpivot (select case_key, {listed} from release_case) "
        f"on {listed} into name attribute value value"
    )


VIEWS = (
    "case",
    "kind",
    "kind_yes",
    "control",
    "control_case",
    "exploitation",
    "recruitment",
    "vulnerability",
    "assistance",
    "route_leg",
    "profile",
)
