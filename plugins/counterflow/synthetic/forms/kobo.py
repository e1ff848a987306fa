"""Dialect b: a survey tool's CSV with drifted names and space-separated choices.

A mission in, its `Form` out. English, French and Spanish forms choose codes; the Bengali one
exports labels, which contain spaces themselves.
"""

from __future__ import annotations

from counterflow.synthetic import standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms.base import (
    Column,
    Form,
    Mission,
    Pick,
    age_of,
    chosen,
    citizenship_list,
    consent,
    country_of,
    day_of,
    fixed,
    key,
    local_columns,
    means_chosen,
    number_of,
    of,
    sectors_chosen,
    types_chosen,
    withdrawn,
)
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import slug, words

KEYS = [
    "case",
    "reg",
    "first",
    "second",
    "phone",
    "age",
    "gender",
    "marital",
    "education",
    "citizenship",
    "country",
    "type",
    "industry",
    "control",
    "recruitment",
    "relation",
    "months",
    "again",
    "received",
    "needed",
    "status",
    "consent",
    "withdrawn",
    "comments",
]
HEADERS = {
    "en": "case_no registration_date prs_First_Name prs_Second_Name prs_Mobile age prs_Gender "
    "prs_Marital_Status prs_Education prs_Citizenship country_last_exploitation "
    "vic_TypeOfExploitation vic_Forced_Labour_Industry vic_Methods_of_Control "
    "vic_Method_of_Recruitment vic_Relationship_to_Recruiter duration_months previously_trafficked "
    "services_received services_needed cas_Status con_Research con_Withdrawn_Date comments",
    "fr": "no_cas date_enreg prenom nom telephone age sexe etat_civil instruction nationalite "
    "pays_exploitation types_exploitation secteur moyens_controle canal_recrutement "
    "lien_recruteur duree_mois deja_victime services_recus services_besoin statut accord_recherche "
    "accord_retire_le commentaires",
    "es": "no_caso fecha_registro nombre apellido telefono edad sexo estado_civil escolaridad "
    "nacionalidad pais_entrevista tipos_explotacion sector medios_control canal_reclutamiento "
    "relacion_reclutador duracion_meses victima_antes servicios_recibidos servicios_necesita "
    "estado_caso consiente_investigacion consentimiento_retirado comentarios",
    "bn": "case_no nibondhon_tarikh nam bongsho phone boyosh lingo boibahik shikkha nagorikotto "
    "shoshon_desh shoshon_dhoron khat niyontron niyog_upay somporko mash age_pachar "
    "seba_prapto seba_proyojon obostha gobeshona_sommoti sommoti_prottahar montobbo",
}
COUNTRY_HEADERS = {"en": {"screening": "country_screening", "registration": "country_registration"}}
MISSING = {
    "en": ("", "", "-99"),
    "fr": ("", "nsp"),
    "es": ("", "98", "no_sabe"),
    "bn": ("", "জানা নেই"),
}  # fmt: skip
BASIS = {"es": "screening"}
STATUSES = ("provided", "needed")


def services(status: str) -> Pick:
    """What was received or needed, as a list of services."""

    def pick(case: Case) -> list[str]:
        return list(dict.fromkeys(s.type for s in case.services if s.status == status and s.type))

    return pick


def lists_of(language: str) -> dict[str, dict[str, str]]:
    """The choices: value names in English, slugs in French and Spanish, labels in Bengali."""
    plain = ("marital_status", "exploitation_type", "means_of_control", "service_type",
             "case_status", "recruiter_relationship", "gender", "answer")  # fmt: skip
    if language == "en":
        lists = {n: dict(standard.value_names(n)) for n in plain if n != "answer"}
        lists["means_of_control"]["restricts_movement"] = "RestrictsMovement"
        lists["answer"] = {"yes": "yes", "no": "no"}
        lists["recruitment_method"] = standard.value_names("recruitment_method")
        lists["labour_sector"] = standard.value_names("labour_sector")
    else:
        lists = {name: words(language, name) for name in plain}
        if language != "bn":
            lists = {n: {c: slug(w) for c, w in held.items()} for n, held in lists.items()}
        lists["recruitment_method"] = standard.numbered("recruitment_method", "r")
        lists["labour_sector"] = standard.sector_letters()
    lists = {name: dict(held) for name, held in lists.items()}
    lists["education"] = standard.numbered("education", "", 0)
    lists["consent"] = lists["answer"]
    return lists


def build(mission: Mission) -> Form:
    """The form of a mission that interviews with the survey tool."""
    language = mission.form.rpartition("_")[2]
    head = dict(zip(KEYS, HEADERS[language].split(), strict=True))
    basis = mission.variation.basis or BASIS.get(language, "last_exploitation")
    head["country"] = COUNTRY_HEADERS.get(language, {}).get(basis, head["country"])

    def several(key_: str, name: str, codes: str, pick: Pick) -> Column:
        return Column(head[key_], chosen(name, codes, pick), name, codes)

    def single(key_: str, name: str, attribute: str, codes: str) -> Column:
        return Column(head[key_], of(name, attribute, codes), name, codes)

    service = "assistance.service_type"
    columns = [
        Column("start", fixed("start"), role="ignored"),
        Column("username", fixed("worker"), role="personal"),
        Column(head["case"], key, role="key"),
        Column(head["reg"], day_of("case.registered_on", "registered"), "case.registered_on"),
        Column(head["first"], fixed("name"), role="personal"),
        Column(head["second"], fixed("surname"), role="personal"),
        Column(head["phone"], fixed("phone"), role="personal"),
        Column(head["age"], age_of, "case.age_band"),
        single("gender", "case.gender", "gender", "gender"),
        single("marital", "case.marital_status", "marital", "marital_status"),
        single("education", "case.education", "education", "education"),
        Column(head["citizenship"], citizenship_list, "citizenship.citizenship", "countries"),
        Column(head["country"], country_of("case.country_of_exploitation", "country"),
               "case.country_of_exploitation", "countries"),
        several("type", "exploitation.exploitation_type", "exploitation_type", types_chosen),
        several("industry", "exploitation.labour_sector", "labour_sector", sectors_chosen),
        several("control", "control.means_of_control", "means_of_control", means_chosen),
        several("recruitment", "recruitment.recruitment_method", "recruitment_method",
                lambda case: case.methods),
        single("relation", "recruitment.recruiter_relationship", "relationship",
               "recruiter_relationship"),
        Column(head["months"], number_of("case.duration_band", "months"), "case.duration_band"),
        single("again", "case.is_retrafficked", "retrafficked", "answer"),
        several("received", service, "service_type", services("provided")),
        Column(head["needed"], chosen("none", "service_type", services("needed")),
               service, "service_type"),
        single("status", "case.case_status", "status", "case_status"),
        Column(head["consent"], consent, codes="consent", role="consent"),
        Column(head["withdrawn"], withdrawn, role="consent"),
        Column(head["comments"], fixed("notes"), role="personal"),
        *local_columns(mission),
        Column("_uuid", fixed("id_no"), role="ignored"),
        Column("_index", fixed("row"), role="ignored"),
    ]  # fmt: skip
    countries = {
        "en": alpha2(),
        "fr": {c: c.lower() for c in alpha2()},
        "es": {c: c for c in alpha2()},
        "bn": names("bn"),
    }[language]
    many = {"citizenship.many"} if language != "bn" else set()
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind="csv",
        path="kobo/assessment_%Y_%m_%d.csv",
        sources={"case": columns},
        lists=lists_of(language),
        countries=countries,
        asked=frozenset({
            "case.gender", "case.marital_status", "case.education", "case.duration_band",
            "case.is_retrafficked", "case.case_status", "exploitation.labour_sector",
            "recruitment", "recruitment.recruiter_relationship", *many,
        }),
        date_format="%Y-%m-%d",
        missing=(*MISSING[language], *mission.variation.missing),
        delimiter=mission.variation.delimiter or {"fr": ";", "es": ";"}.get(language, ","),
        basis=basis,
        control_items=tuple(words("en", "means_of_control")),
        control_not_chosen="no",
        flat_exploitation=True,
        services_flat=STATUSES,
        joiner=" ",
        number_style={"en": "{index:04d}-{yy:02d}", "fr": "C{index:05d}",
                      "es": "{yy:02d}{index:05d}", "bn": "BD/{index:04d}"}[language],
        age_kind="years",
        digits="০১২৩৪৫৬৭৮৯" if language == "bn" else "",
    )  # fmt: skip
