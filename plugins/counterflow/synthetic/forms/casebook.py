"""Dialect e: the JSON dump of a web case-management system, nested. A mission in, its `Form` out.

Headers are paths (`person.gender`); other sources are lists inside each case. Means of control
and risk factors are true, false or null one by one. The basis of the country stands beside it.
"""

from __future__ import annotations

from typing import Any

from counterflow.synthetic import standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms.base import (
    Cell,
    Column,
    Form,
    Mission,
    age_of,
    chosen,
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

FACTOR_LEVELS = {
    "addiction": "individual", "mental_health": "individual", "migration": "individual",
    "poverty": "household", "abuse_physical": "household", "discrimination": "community",
}  # fmt: skip
BASIS = {"last_exploitation": "last", "screening": "screening", "registration": "registration"}


def camel(code: str) -> str:
    """`debt_bondage` → `debtBondage`."""
    first, *rest = code.split("_")
    return first + "".join(word.capitalize() for word in rest)


def lists_of(language: str) -> dict[str, dict[str, str]]:
    """Enumerations: camelCase in English, words in Arabic where staff typed them."""
    lists = {
        name: {code: camel(code) for code in standard.codes(name)}
        for name in ("trafficking_status", "recruitment_method", "perpetrator_role", "gender",
                     "organisation_type", "marital_status", "service_type", "case_status",
                     "recruiter_relationship", "exploitation_type")
    }  # fmt: skip
    lists["assistance_status"] = {s: s for s in ("needed", "offered", "provided", "declined")}
    if language != "en":
        for name in ("gender", "marital_status", "exploitation_type", "service_type",
                     "assistance_status", "case_status", "recruiter_relationship"):  # fmt: skip
            lists[name] = words(language, name)
    lists["education"] = standard.numbered("education", "isced", 0)
    lists["labour_sector"] = standard.sector_letters()
    lists["answer"] = {"yes": "Y", "no": "N"} if language == "en" else words(language, "answer")
    lists["consent"] = {"yes": "granted", "no": "denied"}
    lists["basis"] = BASIS
    lists["control_answer"] = {"yes": "true", "no": "false"}
    lists["vulnerability_factor"] = {code: camel(code) for code in FACTOR_LEVELS}
    lists["vulnerability_level"] = {level: level for level in ("individual", "household",
                                                               "community")}  # fmt: skip
    return lists


def risk(form: Form, case: Case, part: Any) -> Cell:
    """A risk factor is asked of everybody: true, false or null."""
    answer = case.factors.get(part)
    return None if answer is None else answer == "yes"


def build(mission: Mission) -> Form:
    """The form of a mission that works in the web system."""
    language = mission.form.rpartition("_")[2]

    def single(path: str, field: str, attribute: str, codes: str) -> Column:
        return Column(path, of(field, attribute, codes), field, codes)

    def country(path: str, field: str, attribute: str) -> Column:
        return Column(path, country_of(field, attribute), field, "countries")

    years = language != "en"
    means = tuple(words("en", "means_of_control"))
    case = [
        Column("caseNumber", key, role="key"),
        Column("registeredOn", day_of("case.registered_on", "registered"), "case.registered_on"),
        Column("caseWorker", fixed("worker"), role="personal"),
        Column("consent.research", consent, codes="consent", role="consent"),
        Column("consent.withdrawnOn", withdrawn, role="consent"),
        Column("person.firstName", fixed("name"), role="personal"),
        Column("person.lastName", fixed("surname"), role="personal"),
        Column("person.email", fixed("email"), role="personal"),
        Column("person.phone", fixed("phone"), role="personal"),
        Column("person.age" if years else "person.dateOfBirth", age_of, "case.age_band"),
        single("person.gender", "case.gender", "gender", "gender"),
        Column("person.citizenships", citizenship_list, "citizenship.citizenship", "countries"),
        single("person.maritalStatus", "case.marital_status", "marital", "marital_status"),
        single("person.education", "case.education", "education", "education"),
        single("status", "case.case_status", "status", "case_status"),
        single("identification.traffickingStatus", "case.trafficking_status",
               "trafficking_status", "trafficking_status"),
        single("identification.referredBy", "case.referral_source", "referral",
               "organisation_type"),
        country("exploitationCountry.country", "case.country_of_exploitation", "country"),
        Column("exploitationCountry.basis",
               lambda form, case, part: form.lists["basis"][case.basis],
               "case.country_of_exploitation_basis", "basis"),
        Column("durationMonths", number_of("case.duration_band", "months"), "case.duration_band"),
        single("traffickedBefore", "case.is_retrafficked", "retrafficked", "answer"),
        Column("recruitment.methods", chosen("recruitment.recruitment_method",
               "recruitment_method", lambda case: case.methods),
               "recruitment.recruitment_method", "recruitment_method"),
        single("recruitment.recruiter", "recruitment.recruiter_relationship", "relationship",
               "recruiter_relationship"),
        *(Column(f"meansOfControl.{camel(item)}", means_answer(item), f"control.{item}",
                 "control_answer") for item in means),
        Column("notes", fixed("notes"), role="personal"),
        *local_columns(mission),
    ]  # fmt: skip
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind="json",
        path="dump/%Y/%m/casebook-%Y%m%d.json",
        sources={
            "case": case,
            "exploitation": [
                single("type", "exploitation.exploitation_type", "type", "exploitation_type"),
                single("sector", "exploitation.labour_sector", "sector", "labour_sector"),
                country("country", "exploitation.country", "country"),
                Column("startYear", number_of("exploitation.start_year", "start_year"),
                       "exploitation.start_year"),
            ],
            "route_leg": [
                Column("leg", lambda form, case, leg: leg.number, "route_leg.leg_number"),
                country("from", "route_leg.from_country", "origin"),
                country("to", "route_leg.to_country", "destination"),
                Column("year", number_of("route_leg.year", "year"), "route_leg.year"),
            ],
            "perpetrator": [
                Column("number", lambda form, case, person: person.number,
                       "perpetrator.perpetrator_number"),
                single("role", "perpetrator.role", "role", "perpetrator_role"),
                single("gender", "perpetrator.gender", "gender", "gender"),
                Column("age", number_of("perpetrator.age_band", "age"), "perpetrator.age_band"),
                country("citizenship", "perpetrator.citizenship", "citizenship"),
                Column("alias", fixed("surname"), role="personal"),
            ],
            "vulnerability": [
                Column("factor", lambda form, case, item: camel(item), "vulnerability.factor",
                       "vulnerability_factor"),
                Column("level", lambda form, case, item: FACTOR_LEVELS[item],
                       "vulnerability.level", "vulnerability_level"),
                Column("present", risk, "vulnerability.answer", "control_answer"),
            ],
            "assistance": [
                single("service", "assistance.service_type", "type", "service_type"),
                single("status", "assistance.status", "status", "assistance_status"),
                Column("startedOn", day_of("assistance.started_on", "started"),
                       "assistance.started_on"),
                single("provider", "assistance.provider_type", "provider", "organisation_type"),
            ],
        },
        files={"exploitation": "exploitations", "route_leg": "route",
               "perpetrator": "perpetrators", "vulnerability": "riskFactors",
               "assistance": "assistance"},
        lists=lists_of(language),
        countries=alpha2() if language == "en" else names(language),
        asked=frozenset({
            "case.gender", "case.marital_status", "case.education", "case.duration_band",
            "case.is_retrafficked", "case.referral_source", "case.case_status",
            "case.trafficking_status", "exploitation.labour_sector", "exploitation.country",
            "exploitation.start_year", "recruitment", "recruitment.recruiter_relationship",
            "citizenship.many", "assistance.started_on", "assistance.provider_type",
        }),
        date_format="%Y-%m-%d",
        missing=("", "", "N/A", *mission.variation.missing),
        basis_by_case=True,
        control_items=means,
        control_mode="each",
        factor_items=tuple(FACTOR_LEVELS),
        factor_mode="each",
        factor_levels=FACTOR_LEVELS,
        number_style="CB-" + mission.code + "-{index:06d}",
        age_kind="years" if years else "birth",
        digits="٠١٢٣٤٥٦٧٨٩" if language == "ar" else "",
    )  # fmt: skip
