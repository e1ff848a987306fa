"""Dialect c: a relational database of the early 2000s, one zip of CSVs in the mission's language.

A mission in, its `Form` out. Version 1 of the form was in use until December 2008; version 2 asks
more. Some offices keep means of control as one column each (1, 0, -99), some as rows of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from counterflow.synthetic import languages, standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms import consenting
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
    listing,
    local_columns,
    means_answer,
    number_of,
    of,
    roles_of,
    withdrawn,
)
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import words

V1_UNTIL = date(2008, 12, 31)
V1_LACKS = frozenset({"case.education", "case.is_retrafficked", "case.children_band"})
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
    renews: bool = False  # a new consent form after a withdrawal is a new consent
    asks: str = ""  # optional columns and files, by their words


OFFICES = {
    "ro": Office(";", "%d.%m.%Y", ("", "-99", "nu se ştie"), ", ", "{index:04d}/{yy:02d}", False,
                 archive="cazuri", renews=True, asks="language language2 screening referral end_date"),
    "ru": Office(";", "%d.%m.%Y", ("", "-99", "не указано"), "; ", "Д-{index:05d}", True,
                 months=True, archive="dela", asks="language language2 screening"),
    "uk": Office(";", "%d.%m.%Y", ("", "-99", "н/д"), ",", "{index:06d}", True, iso2=True,
                 months=True, archive="spravy",
                 asks="residence age_then sexual_form recruit_country event end_date"),
    "en": Office(",", "%d-%b-%Y", ("", "-99", "ZZ"), ",", "{yy:02d}-{index:04d}", True, iso2=True,
                 months=True, archive="ctm_export",
                 asks="language residence deceased age_then sexual_form recruit_country screening "
                 "referral event end_date"),
    "fr": Office(";", "%d/%m/%Y", ("", "NSP", "-99"), "; ", "D{index:05d}", False, "no",
                 age_kind="years", archive="dossiers",
                 asks="language language2 residence recruit_country referral"),
    "pt": Office(";", "%d/%m/%Y", ("", "N/S", "-99"), "; ", "P.{index:05d}", False,
                 archive="processos", asks="deceased event sexual_form"),
    "ar": Office(",", "%d/%m/%Y", ("", "غير معروف", "-99"), "، ", "{index:05d}", False,
                 age_kind="years", archive="malaffat", asks="residence"),
    "th": Office(",", "%d/%m/%Y", ("", "00", "ไม่ทราบ"), ",", "ค{index:05d}", False, "no",
                 buddhist=True, archive="cases", renews=True, asks="age_then referral end_date"),
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


def languages_of(office: Office, language: str) -> dict[str, str]:
    """Languages as ISO codes where countries are, else as names."""
    return languages.alpha3() if office.iso2 else languages.names(language)


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
    wanted = {head[name] for name in office.asks.split() if name in head}

    def asked(*columns: Column) -> list[Column]:
        return [column for column in columns if column.header in wanted]

    means = list(words(language, "means_of_control"))
    case = [
        number,
        plain("reg_date", "case.registered_on", day_of("case.registered_on", "registered")),
        *(Column(head[n], fixed(n), role="personal")
          for n in ("surname", "name", "id_no", "phone", "address")),
        plain(age, "case.age_band", age_of),
        code("sex", "case.gender", "gender", "gender"),
        Column(head["citizenship"], citizenship_list, "citizenship.citizenship", "countries",
               many=True),
        code("marital", "case.marital_status", "marital", "marital_status"),
        code("education", "case.education", "education", "education"),
        plain("children", "case.children_band", number_of("case.children_band", "children")),
        *asked(
            code("language", "case.primary_language", "primary_language", "language"),
            code("language2", "case.secondary_language", "secondary_language", "language"),
            plain("residence", "case.country_of_residence",
                  country_of("case.country_of_residence", "residence"), "countries"),
            code("deceased", "case.is_deceased", "deceased", "answer"),
            plain("age_then", "case.age_band_when_trafficked",
                  number_of("case.age_band_when_trafficked", "age_when")),
            listing(head["sexual_form"], "sexual_exploitation.sexual_exploitation_form",
                    "sexual_form", lambda case: case.sexual_forms),
        ),
        plain(BASIS_KEYS.get(basis, "country"), "case.country_of_exploitation",
              country_of("case.country_of_exploitation", "country"), "countries"),
        code("sexual", "case.is_sexual_exploitation", "sexual", "answer"),
        code("labour", "case.is_forced_labour", "labour", "answer"),
        code("other", "case.is_other_exploitation", "other", "answer"),
        plain("channel", "recruitment.recruitment_method", first_method, "recruitment_method"),
        code("relation", "recruitment.recruiter_relationship", "relationship",
             "recruiter_relationship"),
        *asked(plain("recruit_country", "recruitment.country",
                     country_of("recruitment.country", "recruitment_country"), "countries")),
        plain("duration", "case.duration_band",
              number_of("case.duration_band", "months") if office.months else duration_code,
              "" if office.months else "duration_band"),
        code("retrafficked", "case.is_retrafficked", "retrafficked", "answer"),
        code("referral", "case.referral_source", "referral", "organisation_type"),
        code("status", "case.case_status", "status", "case_status"),
        Column(head["consent"], consent, codes="consent", role="consent"),
        *consenting.columns(given_on=head["consent_on"], consent_form=head["consent_form"]),
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
        *asked(plain("end_date", "assistance.ended_on", day_of("assistance.ended_on", "ended"))),
        code("provider", "assistance.provider_type", "provider", "organisation_type"),
    ]
    perpetrator = [
        number,
        plain("number", "perpetrator.perpetrator_number",
              lambda form, case, person: str(person.number)),
        Column(head["role"], roles_of, "perpetrator.role", "perpetrator_role", many=True),
        code("sex", "perpetrator.gender", "gender", "gender"),
        plain("age", "perpetrator.age_band", number_of("perpetrator.age_band", "age")),
        plain("citizenship", "perpetrator.citizenship",
              country_of("perpetrator.citizenship", "citizenship"), "countries"),
        Column(head["name"], fixed("name"), role="personal"),
    ]  # fmt: skip
    screening = [
        number,
        code("decision", "screening.decision", "decision", "trafficking_status"),
        code("decided_by", "screening.decided_by", "decided_by", "decision_making_org"),
        plain("decided_on", "screening.decided_on", day_of("screening.decided_on", "decided")),
    ]
    referral = [
        number,
        code("direction", "referral.direction", "direction", "direction"),
        code("reason", "referral.reason", "reason", "referral_reason"),
        plain("referred_on", "referral.referred_on", day_of("referral.referred_on", "referred")),
        code("org_type", "referral.organisation_type", "organisation", "organisation_type"),
        Column(head["org_name"], fixed("organisation"), role="personal"),
        plain("org_country", "referral.organisation_country",
              country_of("referral.organisation_country", "country"), "countries"),
    ]  # fmt: skip
    event = [
        number,
        plain("number", "event.event_number", lambda form, case, event: str(event.number)),
        code("event", "event.event_type", "type", "event_type"),
        plain("expl_country", "event.country", country_of("event.country", "country"),
              "countries"),
        Column(head["city"], fixed("city"), role="personal"),
        plain("year", "event.year", number_of("event.year", "year")),
    ]  # fmt: skip
    further = {"screening": screening, "referral": referral, "event": event}
    sources = {"case": case, "exploitation": exploitation, "control": control,
               "route_leg": route, "assistance": assistance, "perpetrator": perpetrator}  # fmt: skip
    sources |= {name: held for name, held in further.items() if name in office.asks.split()}
    digits = {"yes": "1", "no": "0"}
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind="zip",
        path=f"outgoing/{office.archive}_%Y%m%d.zip",
        sources=sources,
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
            "language": languages_of(office, language),
            "sexual_form": standard.numbered("sexual_form"),
            "trafficking_status": standard.numbered("trafficking_status"),
            "decision_making_org": standard.numbered("decision_making_org"),
            "referral_reason": standard.numbered("referral_reason"),
            "direction": {"incoming": "IN", "outgoing": "OUT"},
            "event_type": {"recruitment": "R", "transit": "T", "exploitation": "E"},
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
        calendar="buddhist" if office.buddhist else "gregorian",
        many_methods=False,
        renews=office.renews,
    )  # fmt: skip
