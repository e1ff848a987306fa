"""Dialect d: version 1.x of the standard, with the consent and vulnerabilities since deprecated.

A mission in, its `Form` out: one flat table whose header is the technical names. English as
UTF-16 with tabs, French as CSV, Spanish as a workbook with age groups instead of birth dates.
"""

from __future__ import annotations

from typing import Any

from counterflow.synthetic import languages, standard
from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.countries import names
from counterflow.synthetic.forms.base import (
    NO_LEVEL,
    Cell,
    Column,
    Form,
    Mission,
    age_of,
    band_of,
    citizenship_list,
    consent,
    country_of,
    day_of,
    factors_chosen,
    fixed,
    key,
    listing,
    local_columns,
    means_chosen,
    number_of,
    of,
    platforms_of,
    sectors_chosen,
    types_chosen,
)
from counterflow.synthetic.forms.kobo import services
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import words

CONSENT = {
    "en": {"yes": "TRUE", "no": "FALSE"},
    "fr": {"yes": "VRAI", "no": "FAUX"},
    "es": {"yes": "Sí", "no": "No"},
}
MISSING = {
    "en": ("", "", "Not Specified"),
    "fr": ("", "Non précisé"),
    "es": ("", "No consta", "-99"),
}
NUMBER = {"en": "{yy:02d}/{index:04d}", "fr": "HT {index:04d}", "es": "{index:05d}"}

# A spreadsheet took 9-17 for the 17th of September and nobody undid it.
BANDS: dict[str, tuple[str, ...]] = {band: (band.replace("-", "--"),) for band in AGE_BANDS}
CHILDREN = {"0": "ninguno", "1-2": "1 o 2", "3+": "3 o más"}
BANDS["9-17"] = ("9--17", "09--17", "sep-17")


def lists_of(language: str) -> dict[str, dict[str, str]]:
    """The form's labels: the standard's own in English, translations elsewhere."""
    plain = ("marital_status", "exploitation_type", "means_of_control", "service_type",
             "case_status", "recruiter_relationship", "gender", "vulnerability_factor")  # fmt: skip
    if language == "en":
        lists = {name: dict(standard.labels(name)) for name in plain}
        lists["education"] = standard.labels("education")
        lists["recruitment_method"] = standard.labels("recruitment_method")
        lists["labour_sector"] = standard.labels("labour_sector")
    else:
        lists = {n: {c: w[0].upper() + w[1:] for c, w in words(language, n).items()} for n in plain}
        lists["education"] = standard.numbered("education", "ISCED ", 0)
        lists["recruitment_method"] = standard.numbered("recruitment_method", "R")
        lists["labour_sector"] = standard.sector_letters()
    lists["consent"] = lists["checkbox"] = CONSENT[language]
    lists["language"] = languages.names(language)
    lists["sexual_form"] = standard.labels("sexual_form")
    lists["online_platform"] = standard.labels("online_platform")
    lists["children_band"] = CHILDREN
    return lists


def children(form: Form, case: Case, part: Any) -> Cell:
    """The number of children as one of three groups."""
    return form.code(
        case, case, "case.children_band", children_group(case.children), "children_band"
    )


def children_group(number: int | None) -> str | None:
    """The group of a number of children."""
    return None if number is None else "0" if number == 0 else "1-2" if number < 3 else "3+"


def age_then(form: Form, case: Case, part: Any) -> Cell:
    """The age when trafficked: in years, or in the form's age groups."""
    field = "case.age_band_when_trafficked"
    if form.age_kind != "band" or field in case.bad or case.age_when is None:
        return form.number(case, case, field, case.age_when)
    return form.bands[band_of(case.age_when)][0]


def build(mission: Mission) -> Form:
    """The form of a mission that stayed with 1.x."""
    language = mission.form.rpartition("_")[2]

    def single(header: str, name: str, attribute: str, codes: str) -> Column:
        return Column(header, of(name, attribute, codes), name, codes)

    columns = [
        Column("cas_CaseNumber", key, role="key"),
        Column("cas_RegistrationDate", day_of("case.registered_on", "registered"),
               "case.registered_on"),
        Column("cas_CaseOwner", fixed("worker"), role="personal"),
        Column("prs_FirstName", fixed("name"), role="personal"),
        Column("prs_SecondName", fixed("surname"), role="personal"),
        Column("prs_IdentityNumber", fixed("id_no"), role="personal"),
        Column("prs_AgeGroup" if language == "es" else "prs_Birthdate", age_of, "case.age_band",
               "age_band" if language == "es" else ""),
        single("prs_Gender", "case.gender", "gender", "gender"),
        single("prs_MaritalStatus", "case.marital_status", "marital", "marital_status"),
        single("prs_HighestLevelOfEducation", "case.education", "education", "education"),
        Column("prs_Citizenship", citizenship_list, "citizenship.citizenship", "countries",
               many=True),
        Column("prs_NumberOfChildren", children if language == "es" else
               number_of("case.children_band", "children"), "case.children_band",
               "children_band" if language == "es" else ""),
        single("prs_PrimaryLanguage", "case.primary_language", "primary_language", "language"),
        single("prs_SecondaryLanguage", "case.secondary_language", "secondary_language",
               "language"),
        single("prs_Deceased", "case.is_deceased", "deceased", "checkbox"),
        Column("prs_MailingCountry", country_of("case.country_of_residence", "residence"),
               "case.country_of_residence", "countries"),
        Column("prs_MailingStreet", fixed("address"), role="personal"),
        Column("prs_MobilePhone", fixed("phone"), role="personal"),
        Column("vic_AgreementToManagePersonalData", consent, codes="consent", role="consent"),
        single("vic_RelationshipToTrafficker", "recruitment.recruiter_relationship",
               "relationship", "recruiter_relationship"),
        Column("vic_AgeWhenTrafficked", age_then, "case.age_band_when_trafficked",
               "age_band" if language == "es" else ""),
        listing("vic_MethodOfRecruitment", "recruitment.recruitment_method",
                "recruitment_method", lambda case: case.methods),
        listing("vic_MethodsOfControl", "control.means_of_control", "means_of_control",
                means_chosen),
        listing("vic_TypeOfExploitation", "exploitation.exploitation_type", "exploitation_type",
                types_chosen),
        listing("vic_ForcedLabourIndustry", "exploitation.labour_sector", "labour_sector",
                sectors_chosen),
        listing("vic_TypeOfSexExploitation", "sexual_exploitation.sexual_exploitation_form",
                "sexual_form", lambda case: case.sexual_forms),
        listing("vic_RecruitmentWebsitesAndApps", "online_platform.platform", "online_platform",
                platforms_of("recruitment"), group="recruitment"),
        listing("vic_ExploitationWebsitesAndApps", "online_platform.platform", "online_platform",
                platforms_of("exploitation"), group="exploitation", placed=True),
        listing("vic_Vulnerabilities", "vulnerability.factor", "vulnerability_factor",
                factors_chosen()),
        Column("vic_DetailsOfVulnerabilities", fixed("notes"), role="personal"),
        Column("hte_Country", country_of("case.country_of_exploitation", "country"),
               "case.country_of_exploitation", "countries"),
        listing("spl_Type", "assistance.service_type", "service_type", services("provided")),
        single("cas_Status", "case.case_status", "status", "case_status"),
        *local_columns(mission),
    ]  # fmt: skip
    lists = lists_of(language)
    if language == "es":
        lists["age_band"] = {band: " | ".join(BANDS[band]) for band in BANDS}
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind="xlsx" if language == "es" else "csv",
        path={"en": "htcds/%y%m%d_cases.csv", "fr": "htcds/dossiers_%d-%m-%Y.csv",
              "es": "htcds/casos %Y%m%d.xlsx"}[language],
        sources={"case": columns},
        sheet="Casos",
        lists=lists,
        countries=names(language),
        asked=frozenset({
            "case.gender", "case.marital_status", "case.education", "case.case_status",
            "exploitation.labour_sector", "recruitment", "recruitment.recruiter_relationship",
            "citizenship.many",
        }),
        date_format={"en": "%m/%d/%Y", "fr": "%d/%m/%Y", "es": "%d/%m/%Y"}[language],
        missing=(*MISSING[language], *mission.variation.missing),
        delimiter=mission.variation.delimiter or {"en": "\t", "fr": ";"}.get(language, ","),
        control_items=standard.codes("means_of_control") if language == "en"
        else tuple(words(language, "means_of_control")),
        factor_items=tuple((f, NO_LEVEL) for f in standard.codes("vulnerability_factor")),
        flat_exploitation=True,
        services_flat=("provided",),
        number_style=NUMBER[language],
        age_kind="band" if language == "es" else "birth",
        bands=BANDS,
        drifting=frozenset({"case.case_status", "case.gender"}),
    )  # fmt: skip
