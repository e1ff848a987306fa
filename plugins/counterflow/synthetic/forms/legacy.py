"""Dialect c: a relational database of the early 2000s, one zip of CSVs in the mission's language.

A mission in, its `Form` out. Version 1 of the form was in use until December 2008; version 2 asks
more. Some offices keep means of control as one column each (1, 0, -99), some as rows of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from counterflow.synthetic import standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms.base import (
    BASIS_KEYS,
    Cell,
    Column,
    Fill,
    Form,
    Mission,
    age_of,
    citizenship_list,
    consent,
    country_of,
    day_of,
    fixed,
    key,
    local_columns,
    means_answer,
    number_of,
    of,
    withdrawn,
)
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import words

V1_UNTIL = date(2008, 12, 31)
V1_LACKS = frozenset({"case.education", "case.is_retrafficked"})
CONTROL_V1_LACKS = frozenset({"debt_bondage", "psychoactive_substance", "restricts_movement"})


@dataclass(frozen=True, slots=True)
class Office:
    """What differs between the languages of this form."""

    delimiter: str
    date_format: str
    missing: tuple[str, ...]
    joiner: str
    number_style: str
    wide: bool  # means of control as one column each, answers as 1 and 0
    not_chosen: str = "unknown"
    iso2: bool = False
    age_kind: str = "birth"
    months: bool = False  # duration in months, else codes 1 to 4
    buddhist: bool = False
    archive: str = "export"


OFFICES = {
    "ro": Office(";", "%d.%m.%Y", ("", "-99", "nu se ştie"), ", ", "{index:04d}/{yy:02d}", False,
                 archive="cazuri"),
    "ru": Office(";", "%d.%m.%Y", ("", "-99", "не указано"), "; ", "Д-{index:05d}", True,
                 months=True, archive="dela"),
    "uk": Office(";", "%d.%m.%Y", ("", "-99", "н/д"), ",", "{index:06d}", True, iso2=True,
                 months=True, archive="spravy"),
    "en": Office(",", "%d-%b-%Y", ("", "-99", "ZZ"), ",", "{yy:02d}-{index:04d}", True, iso2=True,
                 months=True, archive="ctm_export"),
    "fr": Office(";", "%d/%m/%Y", ("", "NSP", "-99"), "; ", "D{index:05d}", False, "no",
                 age_kind="years", archive="dossiers"),
    "pt": Office(";", "%d/%m/%Y", ("", "N/S", "-99"), "; ", "P.{index:05d}", False,
                 archive="processos"),
    "ar": Office(",", "%d/%m/%Y", ("", "غير معروف", "-99"), "، ", "{index:05d}", False,
                 age_kind="years", archive="malaffat"),
    "th": Office(",", "%d/%m/%Y", ("", "00", "ไม่ทราบ"), ",", "ค{index:05d}", False, "no",
                 buddhist=True, archive="cases"),
}  # fmt: skip


def duration_code(form: Form, case: Case, part: Any) -> Cell:
    """The length of the exploitation as one of four codes."""
    if "case.duration_band" in case.bad:
        return case.bad["case.duration_band"]
    if case.months is None:
        return form.absent(case)
    return "1" if case.months < 3 else "2" if case.months < 12 else "3" if case.months < 24 else "4"


def first_method(form: Form, case: Case, part: Any) -> Cell:
    """The channel of recruitment; this form has room for one."""
    return form.code(
        case,
        case,
        "recruitment.recruitment_method",
        case.methods[0] if case.methods else None,
        "recruitment_method",
    )


def itself(form: Form, case: Case, part: Any) -> Cell:
    """A chosen means of control is its own cell."""
    return part


def build(mission: Mission) -> Form:
    """The form of an office of this system."""
    language = mission.form.rpartition("_")[2]
    office = OFFICES[language]
    head = words(language, "header")
    basis = mission.variation.basis or "last_exploitation"

    def code(name: str, field: str, attribute: str, codes: str) -> Column:
        return Column(head[name], of(field, attribute, codes), field, codes)

    def plain(name: str, field: str, fill: Fill, codes: str = "") -> Column:
        return Column(head[name], fill, field, codes)

    number = Column(head["case_no"], key, role="key")
    age = "age" if office.age_kind == "years" else "birth"
    means = list(words(language, "means_of_control"))
    case = [
        number,
        plain("reg_date", "case.registered_on", day_of("case.registered_on", "registered")),
        *(Column(head[n], fixed(n), role="personal")
          for n in ("surname", "name", "id_no", "phone", "address")),
        plain(age, "case.age_band", age_of),
        code("sex", "case.gender", "gender", "gender"),
        plain("citizenship", "citizenship.citizenship", citizenship_list, "countries"),
        code("marital", "case.marital_status", "marital", "marital_status"),
        code("education", "case.education", "education", "education"),
        plain(BASIS_KEYS.get(basis, "country"), "case.country_of_exploitation",
              country_of("case.country_of_exploitation", "country"), "countries"),
        code("sexual", "case.is_sexual_exploitation", "sexual", "answer"),
        code("labour", "case.is_forced_labour", "labour", "answer"),
        code("other", "case.is_other_exploitation", "other", "answer"),
        plain("channel", "recruitment.recruitment_method", first_method, "recruitment_method"),
        code("relation", "recruitment.recruiter_relationship", "relationship",
             "recruiter_relationship"),
        plain("duration", "case.duration_band",
              number_of("case.duration_band", "months") if office.months else duration_code,
              "" if office.months else "duration_band"),
        code("retrafficked", "case.is_retrafficked", "retrafficked", "answer"),
        code("referral", "case.referral_source", "referral", "organisation_type"),
        code("status", "case.case_status", "status", "case_status"),
        Column(head["consent"], consent, codes="consent", role="consent"),
        Column(head["withdrawn_on"], withdrawn, role="consent"),
        Column(head["worker"], fixed("worker"), role="personal"),
        Column(head["notes"], fixed("notes"), role="personal"),
        *local_columns(mission),
    ]  # fmt: skip
    exploitation = [
        number,
        code("type", "exploitation.exploitation_type", "type", "exploitation_type"),
        code("sector", "exploitation.labour_sector", "sector", "labour_sector"),
        plain("expl_country", "exploitation.country",
              country_of("exploitation.country", "country"), "countries"),
        plain("year", "exploitation.start_year",
              number_of("exploitation.start_year", "start_year")),
    ]  # fmt: skip
    control = [
        number,
        *(
            [Column(f"M{i:02d}", means_answer(item), f"control.{item}", "control_answer")
             for i, item in enumerate(means, 1)]
            if office.wide
            else [Column(head["means"], itself, "control.means_of_control", "means_of_control")]
        ),
    ]  # fmt: skip
    route = [
        number,
        plain("leg", "route_leg.leg_number", lambda form, case, leg: str(leg.number)),
        plain("from", "route_leg.from_country", country_of("route_leg.from_country", "origin"),
              "countries"),
        plain("to", "route_leg.to_country", country_of("route_leg.to_country", "destination"),
              "countries"),
        plain("year", "route_leg.year", number_of("route_leg.year", "year")),
    ]  # fmt: skip
    assistance = [
        number,
        code("service", "assistance.service_type", "type", "service_type"),
        code("astatus", "assistance.status", "status", "assistance_status"),
        plain("date", "assistance.started_on", day_of("assistance.started_on", "started")),
        code("provider", "assistance.provider_type", "provider", "organisation_type"),
    ]
    perpetrator = [
        number,
        plain("number", "perpetrator.perpetrator_number",
              lambda form, case, person: str(person.number)),
        code("role", "perpetrator.role", "role", "perpetrator_role"),
        code("sex", "perpetrator.gender", "gender", "gender"),
        plain("age", "perpetrator.age_band", number_of("perpetrator.age_band", "age")),
        plain("citizenship", "perpetrator.citizenship",
              country_of("perpetrator.citizenship", "citizenship"), "countries"),
        Column(head["name"], fixed("name"), role="personal"),
    ]  # fmt: skip
    digits = {"yes": "1", "no": "0"}
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind="zip",
        path=f"outgoing/{office.archive}_%Y%m%d.zip",
        sources={"case": case, "exploitation": exploitation, "control": control,
                 "route_leg": route, "assistance": assistance, "perpetrator": perpetrator},
        files={source: f"{name}.csv" for source, name in words(language, "file").items()},
        lists={
            "answer": digits if office.wide else words(language, "answer"),
            "control_answer": digits,
            "consent": words(language, "answer"),
            "gender": words(language, "sex"),
            "education": standard.numbered("education", "", 0),
            "recruitment_method": standard.numbered("recruitment_method"),
            "organisation_type": standard.numbered("organisation_type"),
            "perpetrator_role": standard.numbered("perpetrator_role"),
            "labour_sector": standard.sector_letters(),
            "duration_band": {"under_3_months": "1", "3_to_11_months": "2",
                              "12_to_23_months": "3", "24_months_and_over": "4"},
            **{name: words(language, name) for name in (
                "marital_status", "exploitation_type", "means_of_control", "service_type",
                "assistance_status", "case_status", "recruiter_relationship")},
        },
        countries=alpha2() if office.iso2 else names(language),
        asked=frozenset({
            "case.gender", "case.marital_status", "case.education", "case.flags",
            "case.duration_band", "case.is_retrafficked", "case.referral_source",
            "case.case_status", "exploitation.labour_sector", "exploitation.country",
            "exploitation.start_year", "recruitment", "recruitment.recruiter_relationship",
            "citizenship.many", "assistance.started_on", "assistance.provider_type",
        }),
        date_format=office.date_format,
        missing=(*office.missing, *mission.variation.missing),
        delimiter=mission.variation.delimiter or office.delimiter,
        basis=basis,
        v1_until=V1_UNTIL,
        v1_lacks=V1_LACKS,
        control_items=tuple(means),
        control_v1_lacks=CONTROL_V1_LACKS,
        control_mode="each" if office.wide else "chosen",
        control_not_chosen=office.not_chosen,
        joiner=office.joiner,
        number_style=office.number_style,
        age_kind=office.age_kind,
        buddhist=office.buddhist,
        many_methods=False,
    )  # fmt: skip
