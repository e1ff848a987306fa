"""The right answers: an accepted `Case` and its `Form` in, the rows core must hold out.

Written from docs/internals.md §3 (what values mean), not from the code under test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from counterflow.synthetic import languages
from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.forms.base import Form, grouped, kept_by_macro, means_chosen
from counterflow.synthetic.model import Case, Exploitation, Perpetrator

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
        "marital_status": "text", "education": "text", "children_band": "text",
        "primary_language": "text", "secondary_language": "text", "country_of_residence": "text",
        "is_deceased": "text", "age_band_when_trafficked": "text",
    },
    "citizenship": {"case_number": "text", "citizenship": "text"},
    "exploitation": {"case_number": "text", "exploitation_type": "text", "labour_sector": "text",
                     "country": "text", "start_year": "int"},
    "sexual_exploitation": {"case_number": "text", "sexual_exploitation_form": "text"},
    "online_platform": {"case_number": "text", "purpose": "text", "platform": "text"},
    "control": {"case_number": "text", "means_of_control": "text", "answer": "text"},
    "recruitment": {"case_number": "text", "recruitment_method": "text",
                    "recruiter_relationship": "text", "country": "text"},
    "route_leg": {"case_number": "text", "leg_number": "int", "from_country": "text",
                  "to_country": "text", "year": "int"},
    "perpetrator": {"case_number": "text", "perpetrator_number": "int", "role": "text",
                    "gender": "text", "age_band": "text", "citizenship": "text"},
    "perpetrator_role": {"case_number": "text", "perpetrator_number": "int", "role": "text"},
    "event": {"case_number": "text", "event_number": "int", "event_type": "text",
              "country": "text", "year": "int"},
    "screening": {"case_number": "text", "decision": "text", "decided_by": "text",
                  "decided_month": "date"},
    "referral": {"case_number": "text", "direction": "text", "reason": "text",
                 "referred_month": "date", "organisation_type": "text",
                 "organisation_country": "text"},
    "vulnerability": {"case_number": "text", "factor": "text", "level": "text", "answer": "text"},
    "assistance": {"case_number": "text", "service_type": "text", "status": "text",
                   "started_month": "date", "ended_month": "date", "provider_type": "text"},
    "local_attribute": {"case_number": "text", "field": "text", "value": "text"},
}  # fmt: skip

Row = tuple[Any, ...]


SHARED = frozenset({"case", "citizenship", "exploitation", "control", "vulnerability"})


def rows_of(form: Form, case: Case, merged: Sequence[Case]) -> Iterator[tuple[str, Row]]:
    """The rows of an accepted case into which other records were merged.

    Of those only what stands in other tables than `case` counts, and it counts for this case.
    """
    whole = replace(
        case,
        citizenships=list(dict.fromkeys(c for one in (case, *merged) for c in one.citizenships)),
        exploitations=[e for one in (case, *merged) for e in one.exploitations],
        control=_any_yes([case.control, *(one.control for one in merged)]),
        factors=_any_yes([case.factors, *(one.factors for one in merged)]),
    )
    yield from rows(form, whole)
    for record in merged:
        for table, row in rows(form, replace(record, number=case.number)):
            if table not in SHARED:
                yield table, row


def _any_yes(answers: Sequence[dict[Any, str | None]]) -> dict[Any, str | None]:
    """One answer to each item: a yes, else a no, else nothing."""
    said = {item: {held.get(item) for held in answers} for held in answers for item in held}
    return {i: "yes" if "yes" in s else "no" if "no" in s else None for i, s in said.items()}


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
    for leg in case.legs[: form.leg_places]:
        if leg.origin or leg.destination or leg.year:
            yield "route_leg", (number, leg.number, leg.origin, leg.destination, leg.year)
    for who in _perpetrators(form, case):
        yield "perpetrator", (number, *_perpetrator(form, who))
        for role in who.roles:
            yield "perpetrator_role", (number, who.number, role)
    for (factor, level), answer in _factors(form, case):
        yield "vulnerability", (number, factor, level, answer)
    if form.asks("sexual_exploitation.sexual_exploitation_form"):
        for kind in case.sexual_forms:
            yield "sexual_exploitation", (number, kind)
    for purpose, platforms in case.platforms.items():
        if form.takes("online_platform", purpose):
            for platform in platforms:
                yield "online_platform", (number, purpose, platform)
    for screening in _screenings(form, case):
        yield "screening", (number, *screening)
    for referral in _referrals(form, case):
        yield "referral", (number, *referral)
    if "event" in form.sources:
        for event in case.events:
            if not event.bad:
                kind = event.type or UNKNOWN
                yield "event", (number, event.number, kind, event.country, event.year)
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
        if f"case.{field}" in case.beyond:
            return value or NOT_ASKED
        return (value or UNKNOWN) if form.asks(f"case.{field}", case.version) else NOT_ASKED

    band = age_band(case.age) or UNKNOWN
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
        asked("education", case.education), asked("children_band", children_band(case.children)),
        asked("primary_language", language(case.primary_language)),
        asked("secondary_language", language(case.secondary_language)),
        case.residence if form.asks("case.country_of_residence", case.version) else None,
        asked("is_deceased", case.deceased),
        asked("age_band_when_trafficked", age_band(case.age_when)),
    )  # fmt: skip


def age_band(years: int | None) -> str | None:
    """The band of an age in full years."""
    if years is None:
        return None
    return next(b for b, (low, high) in AGE_BANDS.items() if low <= years <= high)


def children_band(number: int | None) -> str | None:
    """The band of a number of children."""
    if number is None:
        return None
    return "0" if number == 0 else "1-2" if number < 3 else "3+"


def language(code: str | None) -> str | None:
    """A language as the warehouse holds it: rare ones are `other`."""
    return "other" if code in languages.rare() else code


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


def _factors(form: Form, case: Case) -> Iterator[tuple[tuple[str, str], str]]:
    if form.factor_mode == "each":
        for item in form.factor_items:
            yield item, case.factors[item] or UNKNOWN
        return
    chosen = {item for item, answer in case.factors.items() if answer == "yes"}
    rest = form.factor_not_chosen if chosen else UNKNOWN
    for item in form.factor_items:
        yield item, "yes" if item in chosen else rest


def _recruitment(form: Form, case: Case) -> Iterator[tuple[Any, ...]]:
    if "recruitment" not in form.asked:
        return
    asks_relation = form.asks("recruitment.recruiter_relationship")
    relation = (case.relationship or UNKNOWN) if asks_relation else NOT_ASKED
    country = case.recruitment_country if form.asks("recruitment.country") else None
    for method in case.methods:
        yield method, relation, country
    if not case.methods and (country or (asks_relation and case.relationship)):
        yield UNKNOWN, relation, country


def _perpetrators(form: Form, case: Case) -> Iterator[Perpetrator]:
    if "perpetrator" in form.sources:
        yield from (who for who in case.perpetrators if not who.bad)
    for who in case.perpetrators[: form.perpetrator_places]:
        said = (
            (who.gender, "gender"), (who.age, "age_band"), (who.citizenship, "citizenship"),
            (who.roles, "role"),
        )  # fmt: skip
        if any(value and form.asks(f"perpetrator.{name}") for value, name in said):
            yield who


def _perpetrator(form: Form, who: Perpetrator) -> Row:
    def asked(field: str, value: str | None, missing: str = UNKNOWN) -> str:
        return (value or missing) if form.asks(f"perpetrator.{field}") else NOT_ASKED

    band = next((b for top, b in PERPETRATOR_BANDS if (who.age or 0) <= top), UNKNOWN)
    return (
        who.number, asked("role", who.roles[0] if who.roles else None),
        asked("gender", who.gender, "non_specified_unknown"),
        asked("age_band", None if who.age is None else band),
        who.citizenship if form.asks("perpetrator.citizenship") else None,
    )  # fmt: skip


def _screenings(form: Form, case: Case) -> Iterator[Row]:
    def row(decision: str | None, by: str | None, day: date | None) -> Row:
        dated = form.asks("screening.decided_on")
        return decision or UNKNOWN, by or UNKNOWN, first_of_month(day) if dated else None

    if "screening" in form.sources:
        for one in case.screenings:
            if not one.bad:
                yield row(one.decision, one.decided_by, one.decided)
    for by in form.decided_by:
        held = grouped(case, "screening", by)
        if held and (held.decision or held.decided):
            yield row(held.decision, by, held.decided)
    if form.last_screening_only:
        by_whom = case.screenings[-1].decided_by if case.screenings else None
        if case.trafficking_status or by_whom:
            yield row(case.trafficking_status, by_whom, None)


def _referrals(form: Form, case: Case) -> Iterator[Row]:
    for referral in case.referrals:
        if referral.bad or not form.takes("referral", referral.direction):
            continue
        reason, kind = referral.reason, referral.organisation
        country = referral.country if form.asks("referral.organisation_country") else None
        kind = (kind or UNKNOWN) if form.asks("referral.organisation_type") else NOT_ASKED
        known = bool(reason or referred(form, referral.referred) or country)
        if "referral" in form.sources or known or kind not in (UNKNOWN, NOT_ASKED):
            yield (
                referral.direction, (reason or UNKNOWN) if form.asks("referral.reason") else
                NOT_ASKED, referred(form, referral.referred), kind, country,
            )  # fmt: skip


def referred(form: Form, day: date | None) -> date | None:
    """The month of a referral, where the form asks for its day."""
    return first_of_month(day) if form.asks("referral.referred_on") else None


def _assistance(form: Form, case: Case) -> Iterator[tuple[Any, ...]]:
    if form.services_flat:
        for status in form.services_flat:
            for kind in dict.fromkeys(s.type for s in case.services if s.status == status):
                yield kind, status, None, None, NOT_ASKED
    elif "assistance" in form.sources:
        for service in case.services:
            if not service.bad:
                yield (
                    service.type or UNKNOWN, service.status or UNKNOWN,
                    first_of_month(service.started),
                    first_of_month(service.ended) if form.asks("assistance.ended_on") else None,
                    service.provider or UNKNOWN,
                )  # fmt: skip
