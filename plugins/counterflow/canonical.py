"""The canonical model: which tables and fields a contract may fill, and how each one lands.

In: nothing. Out: `TABLES`, one `Table` per landing table, each a list of `Field`s. Ingest lands
exactly these columns, contracts may name exactly these fields, validation and dbt read exactly
these files. A field without an entry here cannot exist, nor can one without an entry in the register
of sensitivity, or one that the register calls a direct identifier.

Grain, units: a landing row belongs to one source row of one export (`source`, `source_row`), and
to one case (`case_key`). Codes are still the mission's own (dbt maps them); dates are already
months or years, ages already bands, because the exact values never leave ingest.

Source of the vocabularies: HTCDS 2.0 (UNMigration/HTCDS, CC BY 4.0); age bands as in CTDC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from counterflow import sensitivity


class Kind(StrEnum):
    """How a source value becomes a landed value."""

    CODE = "code"  # a local code, kept if the contract knows it, else a keyed token "#…"
    ANSWER = "answer"  # a code whose canonical list is yes, no, unknown
    COUNTRY = "country"  # a code whose canonical list is ISO 3166 alpha-3; unknown is null
    BAND = "band"  # a number or a date turned into a band, or a local band code
    MONTH = "month"  # a date, landed as the first day of its month
    YEAR = "year"  # a date or number, landed as a whole year
    NUMBER = "number"  # a small whole number (a leg's or perpetrator's place in its list)


@dataclass(frozen=True, slots=True)
class Field:
    """One landed column of a canonical table."""

    name: str
    kind: Kind
    code_list: str | None = None  # the seed's list that its canonical codes belong to
    reading: bool = False  # True: a column `<name>_reading` says how the cell was read


@dataclass(frozen=True, slots=True)
class Table:
    """One landing table.

    `grain` is its sentence; `item` the field that a list or flags fill; `group` the field that the
    names of groups of columns fill (a contract's `groups`); `unit` the unit of the UN's IC-TIP
    (event, victim, perpetrator, reporting entity) that its rows describe.
    """

    name: str
    grain: str
    fields: tuple[Field, ...]
    item: str | None = None
    group: str | None = None
    unit: str = "victim"

    def __post_init__(self) -> None:
        """No table can be made that would land a direct identifier, or what nobody has judged."""
        sensitivity.may_land(self.name, landing_columns(self))

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError if the table has none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


# Columns that every landing table starts with.
COMMON: tuple[tuple[str, str], ...] = (
    ("mission_code", "text"),  # ISO 3166 alpha-3
    ("case_key", "text"),  # 32 hex digits, pseudonym of the case number; null if there was none
    ("source", "text"),  # the contract's table whose file or sheet the row was read from
    ("source_row", "int64"),  # 1-based place of the data row in that source (blank rows counted)
)


def landed_name(field: Field) -> str:
    """The landing column of `field`: what is landed of a date is a month, and is called so."""
    if field.kind is Kind.MONTH:
        return field.name.removesuffix("_on") + "_month"
    return field.name


def landing_columns(table: str | Table) -> dict[str, str]:
    """Column name to type (text, int64, date) of the landing Parquet of `table`, in order."""
    table = TABLES[table] if isinstance(table, str) else table
    columns = dict(COMMON)
    columns["key_reading" if table.name == "case" else "case_reading"] = "text"
    if table.name == "case":
        columns["key_id"] = "text"  # of the master key that the case key was made with
        columns["form_version"] = "text"
        # the case that this record was merged with; such a row is no case of its own
        columns["merged_into_key"] = "text"
        columns["merged_reading"] = "text"
    for field in table.fields:
        types = {Kind.MONTH: "date", Kind.YEAR: "int64", Kind.NUMBER: "int64"}
        columns[landed_name(field)] = types.get(field.kind, "text")
        if field.reading:
            columns[field.name + "_reading"] = "text"
    return columns


# How a dated cell was read (`<field>_reading`). Validation judges; ingest only states.
READINGS = (
    "ok",
    "blank",
    "not_a_date",  # no format of the contract fits
    "impossible_date",  # fits a format, but there is no such day (31 February)
    "future",  # after the night that is loaded
    "before_birth",  # registration earlier than birth
    "too_old",  # before 1900
    "not_a_number",  # a number was expected, or it cannot be an age or a duration
)

# How the case number of a row was read (`case.key_reading`; children: `case_reading`).
KEY_READINGS = ("ok", "blank", "repeat", "conflict")
CASE_READINGS = ("ok", "blank", "orphan")

# How the case that a record was merged into was found (`case.merged_reading`).
MERGED_READINGS = ("ok", "blank", "orphan", "circle")

AGE_BANDS = ("0-8", "9-17", "18-20", "21-23", "24-26", "27-29", "30-38", "39-47", "48+")
PERPETRATOR_AGE_BANDS = ("0-29", "30-38", "39-47", "48+")
CHILDREN_BANDS = ("0", "1-2", "3+")
DURATION_BANDS = ("under_3_months", "3_to_11_months", "12_to_23_months", "24_months_and_over")
COUNTRY_BASES = ("last_exploitation", "screening", "registration", "mission")
ASSISTANCE_STATUSES = ("needed", "offered", "provided", "declined")
PLATFORM_PURPOSES = ("recruitment", "exploitation")
REFERRAL_DIRECTIONS = ("incoming", "outgoing")
EVENT_TYPES = ("recruitment", "transit", "exploitation")
VULNERABILITY_LEVELS = ("individual", "household", "community")
MISSING = "unknown"  # canonical code of an answer that was asked for and not given

_CODE, _ANSWER, _COUNTRY, _BAND = Kind.CODE, Kind.ANSWER, Kind.COUNTRY, Kind.BAND
_MONTH, _YEAR, _NUMBER = Kind.MONTH, Kind.YEAR, Kind.NUMBER

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "case",
            "One row per case row of an export.",
            (
                Field("registered_on", _MONTH, reading=True),
                Field("age_band", _BAND, "age_band", reading=True),
                Field("gender", _CODE, "gender"),
                Field("marital_status", _CODE, "marital_status"),
                Field("children_band", _BAND, "children_band", reading=True),
                Field("primary_language", _CODE, "language"),
                Field("secondary_language", _CODE, "language"),
                Field("country_of_residence", _COUNTRY, "country"),
                Field("is_deceased", _ANSWER, "answer"),
                Field("education", _CODE, "highest_level_of_education"),
                Field("country_of_exploitation", _COUNTRY, "country"),
                Field("country_of_exploitation_basis", _CODE, "country_basis"),
                Field("is_sexual_exploitation", _ANSWER, "answer"),
                Field("is_forced_labour", _ANSWER, "answer"),
                Field("is_other_exploitation", _ANSWER, "answer"),
                Field("trafficking_status", _CODE, "trafficking_status"),
                Field("age_band_when_trafficked", _BAND, "age_band", reading=True),
                Field("duration_band", _BAND, "duration_band", reading=True),
                Field("referral_source", _CODE, "organisation_type"),
                Field("case_status", _CODE, "case_status"),
                Field("is_retrafficked", _ANSWER, "answer"),
            ),
        ),
        Table(
            "citizenship",
            "One row per citizenship named on a case row.",
            (
                Field("citizenship", _COUNTRY, "country"),
                Field("citizenship_number", _NUMBER),
            ),
            item="citizenship",
        ),
        Table(
            "exploitation",
            "One row per exploitation of a case.",
            (
                Field("exploitation_type", _CODE, "exploitation_type"),
                Field("labour_sector", _CODE, "labour_sector"),
                Field("country", _COUNTRY, "country"),
                Field("start_year", _YEAR, reading=True),
            ),
            item="exploitation_type",
            unit="event",
        ),
        Table(
            "sexual_exploitation",
            "One row per form of sexual exploitation of a case.",
            (Field("sexual_exploitation_form", _CODE, "sexual_exploitation_form"),),
            item="sexual_exploitation_form",
            unit="event",
        ),
        Table(
            "online_platform",
            "One row per website or app by which a case was recruited or exploited.",
            (
                Field("purpose", _CODE, "online_platform_purpose"),
                Field("platform", _CODE, "online_platform"),
            ),
            item="platform",
            group="purpose",
            unit="event",
        ),
        Table(
            "control",
            "One row per means of control answered for a case (chosen from a list, or each asked).",
            (
                Field("means_of_control", _CODE, "means_of_control"),
                Field("answer", _ANSWER, "answer"),
            ),
            item="means_of_control",
        ),
        Table(
            "recruitment",
            "One row per channel of recruitment of a case.",
            (
                Field("recruitment_method", _CODE, "recruitment_method"),
                Field("recruiter_relationship", _CODE, "recruiter_relationship"),
                Field("country", _COUNTRY, "country"),
            ),
            item="recruitment_method",
            unit="event",
        ),
        Table(
            "route_leg",
            "One row per leg of a case's route.",
            (
                Field("leg_number", _NUMBER),
                Field("from_country", _COUNTRY, "country"),
                Field("to_country", _COUNTRY, "country"),
                Field("year", _YEAR, reading=True),
            ),
            group="leg_number",
            unit="event",
        ),
        Table(
            "event",
            "One row per historic trafficking event of a case.",
            (
                Field("event_number", _NUMBER),
                Field("event_type", _CODE, "trafficking_event_type"),
                Field("country", _COUNTRY, "country"),
                Field("year", _YEAR, reading=True),
            ),
            group="event_type",
            unit="event",
        ),
        Table(
            "perpetrator",
            "One row per role of a perpetrator of a case; one without a role if none was named.",
            (
                Field("perpetrator_number", _NUMBER),
                Field("role_number", _NUMBER),
                Field("role", _CODE, "perpetrator_role"),
                Field("gender", _CODE, "gender"),
                Field("age_band", _BAND, "perpetrator_age_band"),
                Field("citizenship", _COUNTRY, "country"),
            ),
            item="role",
            group="perpetrator_number",
            unit="perpetrator",
        ),
        Table(
            "vulnerability",
            "One row per factor of vulnerability and level answered for a case.",
            (
                Field("factor", _CODE, "vulnerability_factor"),
                Field("level", _CODE, "vulnerability_level"),
                Field("answer", _ANSWER, "answer"),
            ),
            item="factor",
            group="level",
        ),
        Table(
            "screening",
            "One row per decision on whether the person of a case is a victim of trafficking.",
            (
                Field("decision", _CODE, "trafficking_status"),
                Field("decided_by", _CODE, "trafficking_status_decision_making_org"),
                Field("decided_on", _MONTH, reading=True),
            ),
            group="decided_by",
            unit="reporting entity",
        ),
        Table(
            "referral",
            "One row per referral of a case to the mission or on from it.",
            (
                Field("direction", _CODE, "referral_direction"),
                Field("reason", _CODE, "referral_reason"),
                Field("referred_on", _MONTH, reading=True),
                Field("organisation_type", _CODE, "organisation_type"),
                Field("organisation_country", _COUNTRY, "country"),
            ),
            group="direction",
            unit="reporting entity",
        ),
        Table(
            "assistance",
            "One row per service needed, offered, provided or declined in a case.",
            (
                Field("service_type", _CODE, "service_type"),
                Field("status", _CODE, "assistance_status"),
                Field("started_on", _MONTH, reading=True),
                Field("ended_on", _MONTH, reading=True),
                Field("provider_type", _CODE, "organisation_type"),
            ),
            item="service_type",
            group="status",
        ),
        Table(
            "local_attribute",
            "One row per answered field that only this mission has.",
            (
                Field("field", _CODE),
                Field("value", _CODE),
            ),
            item="field",
        ),
    )
}
