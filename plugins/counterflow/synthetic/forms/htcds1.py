"""Dialect d: version 1.x of the standard, with the consent and vulnerabilities since deprecated.

A mission in, its `Form` out: one flat table whose header is the technical names. English as
UTF-16 with tabs, French as CSV, Spanish as a workbook with age groups instead of birth dates.
"""

from __future__ import annotations

from counterflow.synthetic import standard
from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.countries import names
from counterflow.synthetic.forms.base import (
    Column,
    Form,
    Mission,
    age_of,
    chosen,
    citizenship_list,
    consent,
    country_of,
    day_of,
    factors_chosen,
    fixed,
    key,
    local_columns,
    means_chosen,
    of,
    sectors_chosen,
    types_chosen,
)
from counterflow.synthetic.forms.kobo import services
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
    lists["consent"] = CONSENT[language]
    return lists


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
        Column("prs_Citizenship", citizenship_list, "citizenship.citizenship", "countries"),
        Column("prs_MailingStreet", fixed("address"), role="personal"),
        Column("prs_MobilePhone", fixed("phone"), role="personal"),
        Column("vic_AgreementToManagePersonalData", consent, codes="consent", role="consent"),
        single("vic_RelationshipToTrafficker", "recruitment.recruiter_relationship",
               "relationship", "recruiter_relationship"),
        Column("vic_MethodOfRecruitment", chosen("recruitment.recruitment_method",
               "recruitment_method", lambda case: case.methods),
               "recruitment.recruitment_method", "recruitment_method"),
        Column("vic_MethodsOfControl", chosen("control.means_of_control", "means_of_control",
               means_chosen), "control.means_of_control", "means_of_control"),
        Column("vic_TypeOfExploitation", chosen("exploitation.exploitation_type",
               "exploitation_type", types_chosen), "exploitation.exploitation_type",
               "exploitation_type"),
        Column("vic_ForcedLabourIndustry", chosen("exploitation.labour_sector", "labour_sector",
               sectors_chosen), "exploitation.labour_sector", "labour_sector"),
        Column("vic_Vulnerabilities", chosen("vulnerability.factor", "vulnerability_factor",
               factors_chosen), "vulnerability.factor", "vulnerability_factor"),
        Column("vic_DetailsOfVulnerabilities", fixed("notes"), role="personal"),
        Column("hte_Country", country_of("case.country_of_exploitation", "country"),
               "case.country_of_exploitation", "countries"),
        Column("spl_Type", chosen("assistance.service_type", "service_type",
               services("provided")),
               "assistance.service_type", "service_type"),
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
        factor_items=standard.codes("vulnerability_factor"),
        flat_exploitation=True,
        services_flat=("provided",),
        number_style=NUMBER[language],
        age_kind="band" if language == "es" else "birth",
        bands=BANDS,
        drifting=frozenset({"case.case_status", "case.gender"}),
    )  # fmt: skip
