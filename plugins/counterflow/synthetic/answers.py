"""The right answers: an accepted `Case` and its `Form` in, the rows core must hold out.

Written from docs/internals.md §3 (what values mean), not from the code under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.forms.base import (
    Form,
    factors_chosen,
    kept_by_macro,
    means_chosen,
)
from counterflow.synthetic.model import Case, Exploitation

UNKNOWN, NOT_ASKED = "unknown", "not_asked"
SECTOR_TYPES = frozenset({"forced_labour", "child_labour", "forced_begging", "servitude", UNKNOWN})
LABOUR = frozenset({"forced_labour", "child_labour", "forced_begging", "servitude"})
SEXUAL = frozenset({"sexual_exploitation"})
OTHER = frozenset({
    "forced_marriage", "forced_military_by_non_state_actors", "organ_removal", "forced_adoption",
    "surrogacy", "other",
})  # fmt: skip
PERPETRATOR_BANDS = ((29, "0-29"), (38, "30-38"), (47, "39-47"), (200, "48+"))

COLUMNS: dict[str, dict[str, str]] = {
    "case": {
        "case_number": "text", "registered_month": "date", "registration_year": "int",
        "gender": "text", "age_band": "text", "is_minor": "text", "citizenship": "text",
        "country_of_exploitation": "text", "country_of_exploitation_basis": "text",
        "is_cross_border": "text", "is_sexual_exploitation": "text", "is_forced_labour": "text",
        "is_other_exploitation": "text", "trafficking_status": "text", "duration_band": "text",
        "referral_source": "text", "case_status": "text", "is_retrafficked": "text",
        "marital_status": "text", "education": "text",
    },
    "citizenship": {"case_number": "text", "citizenship": "text"},
    "exploitation": {"case_number": "text", "exploitation_type": "text", "labour_sector": "text",
                     "country": "text", "start_year": "int"},
    "control": {"case_number": "text", "means_of_control": "text", "answer": "text"},
    "recruitment": {"case_number": "text", "recruitment_method": "text",
                    "recruiter_relationship": "text"},
    "route_leg": {"case_number": "text", "leg_number": "int", "from_country": "text",
                  "to_country": "text", "year": "int"},
    "perpetrator": {"case_number": "text", "perpetrator_number": "int", "role": "text",
                    "gender": "text", "age_band": "text", "citizenship": "text"},
    "vulnerability": {"case_number": "text", "factor": "text", "level": "text", "answer": "text"},
    "assistance": {"case_number": "text", "service_type": "text", "status": "text",
                   "started_month": "date", "provider_type": "text"},
    "local_attribute": {"case_number": "text", "field": "text", "value": "text"},
}  # fmt: skip

Row = tuple[Any, ...]


def rows(form: Form, case: Case) -> Iterator[tuple[str, Row]]:
    """Every row of every truth table that an accepted case has, without rows that fail a rule."""
    number = case.number
    citizenships = _citizenships(form, case)
    exploitations = list(_exploitations(form, case))
    yield "case", _case(form, case, citizenships, exploitations)
    for code in citizenships:
        yield "citizenship", (number, code)
    for exploitation in exploitations:
        yield "exploitation", (number, *exploitation)
    for item, answer in _control(form, case):
        yield "control", (number, item, answer)
    for recruitment in _recruitment(form, case):
        yield "recruitment", (number, *recruitment)
    if "route_leg" in form.sources:
        for leg in case.legs:
            if not leg.bad:
                yield "route_leg", (number, leg.number, leg.origin, leg.destination, leg.year)
    if "perpetrator" in form.sources:
        for who in case.perpetrators:
            if not who.bad:
                gender = who.gender or "non_specified_unknown"
                band = next((b for top, b in PERPETRATOR_BANDS if (who.age or 0) <= top), UNKNOWN)
                yield "perpetrator", (
                    number, who.number, who.role or UNKNOWN, gender,
                    UNKNOWN if who.age is None else band, who.citizenship,
                )  # fmt: skip
    for item, answer in _factors(form, case):
        yield "vulnerability", (number, item, form.factor_levels.get(item, NOT_ASKED), answer)
    for service in _assistance(form, case):
        yield "assistance", (number, *service)
    for name, value in case.local.items():
        if value is not None:
            yield "local_attribute", (number, name, value)


def first_of_month(day: date | None) -> date | None:
    """The month of a day."""
    return day.replace(day=1) if day else None


def _citizenships(form: Form, case: Case) -> list[str]:
    if not form.macro_drops_substrings:
        return case.citizenships
    kept = kept_by_macro([form.countries[c] for c in case.citizenships])
    return [c for c in case.citizenships if form.countries[c] in kept]


def _case(
    form: Form, case: Case, citizenships: list[str], exploitations: list[tuple[Any, ...]]
) -> Row:
    def asked(field: str, value: str | None) -> str:
        return (value or UNKNOWN) if form.asks(f"case.{field}", case.version) else NOT_ASKED

    band = UNKNOWN
    if case.age is not None:
        band = next(b for b, (low, high) in AGE_BANDS.items() if low <= case.age <= high)
    minor = UNKNOWN if band == UNKNOWN else "yes" if band in ("0-8", "9-17") else "no"
    border = UNKNOWN
    if case.basis == "last_exploitation" and case.country and citizenships:
        border = "no" if case.country in citizenships else "yes"
    if "case.flags" in form.asked:
        flags = [case.sexual or UNKNOWN, case.labour or UNKNOWN, case.other or UNKNOWN]
    else:
        types = {row[0] for row in exploitations}
        none = form.exploitation_not_chosen if types else UNKNOWN
        flags = ["yes" if types & group else none for group in (SEXUAL, LABOUR, OTHER)]
    return (
        case.number, first_of_month(case.registered), case.registered.year,
        case.gender or "non_specified_unknown", band, minor,
        citizenships[0] if citizenships else None, case.country, case.basis, border, *flags,
        asked("trafficking_status", case.trafficking_status),
        asked("duration_band", duration_band(case.months)),
        asked("referral_source", case.referral), asked("case_status", case.status),
        asked("is_retrafficked", case.retrafficked), asked("marital_status", case.marital),
        asked("education", case.education),
    )  # fmt: skip


def duration_band(months: int | None) -> str | None:
    """The band of a number of months."""
    if months is None:
        return None
    if months < 3:
        return "under_3_months"
    if months < 12:
        return "3_to_11_months"
    return "12_to_23_months" if months < 24 else "24_months_and_over"


def _exploitations(form: Form, case: Case) -> Iterator[tuple[Any, ...]]:
    def sector(kind: str, held: str | None) -> str | None:
        return (held or UNKNOWN) if kind in SECTOR_TYPES else None

    if not form.flat_exploitation:
        for row in case.exploitations:
            if not row.bad:
                kind = row.type or UNKNOWN
                yield kind, sector(kind, row.sector), row.country, row.start_year
        return
    for kind in dict.fromkeys(row.type for row in case.exploitations if row.type):
        for held in _flat_sectors(case.exploitations, kind):
            yield kind, sector(kind, held), None, None


def _flat_sectors(rows: list[Exploitation], kind: str) -> list[str | None]:
    """The sector list of a flat row goes with forced labour; other types have none."""
    sectors = list(dict.fromkeys(row.sector for row in rows if row.sector))
    return [*sectors] if kind == "forced_labour" and sectors else [None]


def _control(form: Form, case: Case) -> Iterator[tuple[str, str]]:
    items = form.control_asked(case.version)
    if form.control_mode == "each":
        broken = "control.answer" in case.bad  # its row is quarantined: nothing is known
        for item in items:
            yield item, UNKNOWN if broken else case.control[item] or UNKNOWN
        return
    chosen = means_chosen(case)
    rest = form.control_not_chosen if chosen else UNKNOWN
    for item in items:
        yield item, "yes" if item in chosen else rest


def _factors(form: Form, case: Case) -> Iterator[tuple[str, str]]:
    if form.factor_mode == "each":
        for item in form.factor_items:
            yield item, case.factors[item] or UNKNOWN
        return
    chosen = factors_chosen(case)
    rest = form.factor_not_chosen if chosen else UNKNOWN
    for item in form.factor_items:
        yield item, "yes" if item in chosen else rest


def _recruitment(form: Form, case: Case) -> Iterator[tuple[str, str]]:
    if "recruitment" not in form.asked:
        return
    asks_relation = "recruitment.recruiter_relationship" in form.asked
    relation = (case.relationship or UNKNOWN) if asks_relation else NOT_ASKED
    for method in case.methods:
        yield method, relation
    if not case.methods and asks_relation and case.relationship:
        yield UNKNOWN, relation


def _assistance(form: Form, case: Case) -> Iterator[tuple[Any, ...]]:
    if form.services_flat:
        for status in form.services_flat:
            for kind in dict.fromkeys(s.type for s in case.services if s.status == status):
                yield kind, status, None, NOT_ASKED
    elif "assistance" in form.sources:
        for service in case.services:
            if not service.bad:
                yield (
                    service.type or UNKNOWN, service.status or UNKNOWN,
                    first_of_month(service.started), service.provider or UNKNOWN,
                )  # fmt: skip
