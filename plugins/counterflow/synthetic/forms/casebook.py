"""Dialect e: the JSON dump of a web case-management system, nested. A mission in, its `Form` out.

Headers are paths (`person.gender`); other sources are lists inside each case. Means of control
and risk factors are true, false or null one by one. The basis of the country stands beside it.
"""

from __future__ import annotations

from typing import Any

from counterflow.synthetic import languages, standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms import consenting
from counterflow.synthetic.forms.base import (
    Cell,
    Column,
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
    merged_into,
    number_of,
    of,
    roles_of,
    withdrawn,
)
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import words

FACTORS = (
    ("addiction", "individual"), ("mental_health", "individual"), ("migration", "individual"),
    ("discrimination", "individual"), ("poverty", "household"), ("abuse_physical", "household"),
    ("discrimination", "household"), ("discrimination", "community"), ("education", "community"),
)  # fmt: skip
BASIS = {"last_exploitation": "last", "screening": "screening", "registration": "registration"}


def camel(code: str) -> str:
    """`debt_bondage` → `debtBondage`."""
    first, *rest = code.split("_")
    return first + "".join(word.capitalize() for word in rest)


def lists_of(language: str) -> dict[str, dict[str, str]]:
    """Enumerations: camelCase in English, words in Arabic where staff typed them."""
    lists = {
        name: {code: camel(code) for code in standard.codes(name)}
        for name in ("trafficking_status", "recruitment_method", "perpetrator_role", "gender", "decision_making_org",
                     "referral_reason", "event_type", "online_platform", "sexual_form",
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
    lists["consent_guardian"] = lists["consent"] | {"not_needed": "notApplicable"}
    lists["basis"] = BASIS
    lists["control_answer"] = {"yes": "true", "no": "false"}
    lists["true_false"] = {"yes": "true", "no": "false"}
    lists["direction"] = {"incoming": "in", "outgoing": "out"}
    lists["purpose"] = {"recruitment": "recruitment", "exploitation": "exploitation"}
    lists["language"] = languages.alpha3() if language == "en" else languages.names(language)
    lists["vulnerability_factor"] = {code: camel(code) for code, _ in FACTORS}
    lists["vulnerability_level"] = {level: level for level in ("individual", "household",
                                                               "community")}  # fmt: skip
    return lists


def deceased(form: Form, case: Case, part: Any) -> Cell:
    """Whether the person is known to have died: true, false or null."""
    if "case.is_deceased" in case.bad:
        return case.bad["case.is_deceased"]
    return None if case.deceased is None else case.deceased == "yes"


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
        Column("mergedInto", merged_into, role="merged"),
        Column("registeredOn", day_of("case.registered_on", "registered"), "case.registered_on"),
        Column("caseWorker", fixed("worker"), role="personal"),
        Column("consent.research", consent, codes="consent", role="consent"),
        *consenting.columns(assistance="consent.assistance", data_sharing="consent.dataSharing",
                            given_on="consent.givenOn", guardian="consent.guardian"),
        Column("consent.withdrawnOn", withdrawn, role="consent"),
        Column("person.firstName", fixed("name"), role="personal"),
        Column("person.lastName", fixed("surname"), role="personal"),
        Column("person.email", fixed("email"), role="personal"),
        Column("person.phone", fixed("phone"), role="personal"),
        Column("person.age" if years else "person.dateOfBirth", age_of, "case.age_band"),
        single("person.gender", "case.gender", "gender", "gender"),
        Column("person.citizenships", citizenship_list, "citizenship.citizenship", "countries",
               many=True),
        country("person.countryOfResidence", "case.country_of_residence", "residence"),
        single("person.languages.primary", "case.primary_language", "primary_language",
               "language"),
        single("person.languages.secondary", "case.secondary_language", "secondary_language",
               "language"),
        Column("person.children", number_of("case.children_band", "children"),
               "case.children_band"),
        Column("person.deceased", deceased, "case.is_deceased", "true_false"),
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
        Column("ageWhenTrafficked", number_of("case.age_band_when_trafficked", "age_when"),
               "case.age_band_when_trafficked"),
        listing("sexualExploitation.forms", "sexual_exploitation.sexual_exploitation_form",
                "sexual_form", lambda case: case.sexual_forms),
        listing("recruitment.methods", "recruitment.recruitment_method", "recruitment_method",
                lambda case: case.methods),
        country("recruitment.country", "recruitment.country", "recruitment_country"),
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
                Column("roles", roles_of, "perpetrator.role", "perpetrator_role", many=True),
                single("gender", "perpetrator.gender", "gender", "gender"),
                Column("age", number_of("perpetrator.age_band", "age"), "perpetrator.age_band"),
                country("citizenship", "perpetrator.citizenship", "citizenship"),
                Column("alias", fixed("surname"), role="personal"),
            ],
            "vulnerability": [
                Column("factor", lambda form, case, item: camel(item[0]), "vulnerability.factor",
                       "vulnerability_factor"),
                Column("level", lambda form, case, item: item[1],
                       "vulnerability.level", "vulnerability_level"),
                Column("present", risk, "vulnerability.answer", "control_answer"),
            ],
            "assistance": [
                single("service", "assistance.service_type", "type", "service_type"),
                single("status", "assistance.status", "status", "assistance_status"),
                Column("startedOn", day_of("assistance.started_on", "started"),
                       "assistance.started_on"),
                Column("endedOn", day_of("assistance.ended_on", "ended"), "assistance.ended_on"),
                single("provider", "assistance.provider_type", "provider", "organisation_type"),
            ],
            "online_platform": [
                Column("purpose", lambda form, case, used: used[0], "online_platform.purpose",
                       "purpose"),
                Column("name", lambda form, case, used: camel(used[1]),
                       "online_platform.platform", "online_platform"),
                Column("account", fixed("email"), role="personal"),
            ],
            "screening": [
                single("decision", "screening.decision", "decision", "trafficking_status"),
                single("decidedBy", "screening.decided_by", "decided_by", "decision_making_org"),
                Column("decidedOn", day_of("screening.decided_on", "decided"),
                       "screening.decided_on"),
            ],
            "referral": [
                single("direction", "referral.direction", "direction", "direction"),
                single("reason", "referral.reason", "reason", "referral_reason"),
                Column("date", day_of("referral.referred_on", "referred"),
                       "referral.referred_on"),
                Column("organisation.name", fixed("organisation"), role="personal"),
                single("organisation.type", "referral.organisation_type", "organisation",
                       "organisation_type"),
                country("organisation.country", "referral.organisation_country", "country"),
            ],
            "event": [
                Column("number", lambda form, case, event: event.number, "event.event_number"),
                single("type", "event.event_type", "type", "event_type"),
                country("country", "event.country", "country"),
                Column("city", fixed("city"), role="personal"),
                Column("year", number_of("event.year", "year"), "event.year"),
            ],
        },
        files={"exploitation": "exploitations", "route_leg": "route",
               "perpetrator": "perpetrators", "vulnerability": "riskFactors",
               "assistance": "assistance", "online_platform": "onlinePlatforms",
               "screening": "screenings", "referral": "referrals", "event": "events"},
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
        factor_items=FACTORS,
        factor_mode="each",
        number_style="CB-" + mission.code + "-{index:06d}",
        age_kind="years" if years else "birth",
        digits="٠١٢٣٤٥٦٧٨٩" if language == "ar" else "",
    )  # fmt: skip
