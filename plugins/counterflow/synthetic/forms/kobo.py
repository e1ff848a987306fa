"""Dialect b: a survey tool's CSV with drifted names and space-separated choices.

A mission in, its `Form` out. English, French and Spanish forms choose codes; the Bengali one
exports labels, which contain spaces themselves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from counterflow.synthetic import languages, standard
from counterflow.synthetic.countries import alpha2, names
from counterflow.synthetic.forms import consenting
from counterflow.synthetic.forms.base import (
    Column,
    Fill,
    Form,
    Mission,
    Pick,
    age_of,
    citizenship_list,
    consent,
    country_of,
    day_of,
    factors_chosen,
    fixed,
    in_group,
    key,
    listing,
    local_columns,
    means_chosen,
    number_of,
    of,
    platforms_of,
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
# Questions that only some of the forms ask; `1` and `2` are perpetrators.
FURTHER = {
    "en": "children=prs_NumberOfChildren language=prs_Primary_Language "
    "language2=prs_Secondary_Language residence=country_residence age_then=vic_AgeWhenTrafficked "
    "sexual_form=vic_TypeOfSexExploitation recruit_apps=vic_RecruitmentWebsitesAndApps "
    "exploit_apps=vic_ExploitationWebsitesAndApps recruit_country=country_recruitment "
    "individual=vul_individual household=vul_household community=vul_community "
    "referred_on=cas_IncomingReferralDate reason=cas_ReasonForIncomingReferral "
    "organisation=cas_ReferringOrganisationType org_country=cas_ReferringOrganisationCountry "
    "police=status_police police_on=status_police_date ngo=status_ngo ngo_on=status_ngo_date "
    "court=status_court court_on=status_court_date role1=per1_RoleInProcess gender1=per1_Gender "
    "age1=per1_Age role2=per2_RoleInProcess gender2=per2_Gender age2=per2_Age",
    "fr": "children=nb_enfants language=langue residence=pays_residence age_then=age_traite "
    "recruit_country=pays_recrutement individual=risques_individu household=risques_menage "
    "referred_on=date_orientation reason=motif_orientation organisation=type_orienteur",
    "es": "children=num_hijos language=idioma language2=idioma_2 sexual_form=formas_sexual "
    "recruit_apps=redes_captacion individual=riesgos_individuales household=riesgos_hogar "
    "referred_on=fecha_derivacion reason=motivo_derivacion role1=autor1_papel "
    "gender1=autor1_sexo age1=autor1_edad role2=autor2_papel gender2=autor2_sexo "
    "age2=autor2_edad",
    "bn": "children=sontan_sonkhya language=matribhasha residence=boshobash_desh",
}
# What the forms ask of consent beside yes and no.
CONSENT = {
    "en": {"scopes": "con_Scope", "given_on": "con_Date", "guardian": "con_Guardian"},
    "fr": {"given_on": "accord_date", "guardian": "accord_tuteur"},
    "es": {"scopes": "consiente_para", "given_on": "fecha_consentimiento",
           "guardian": "consiente_tutor"},
    "bn": {"given_on": "sommoti_tarikh", "guardian": "obhibhabok_sommoti"},
}  # fmt: skip
SCOPES = {
    "en": "research assistance data_sharing none",
    "es": "investigacion asistencia compartir_datos ninguno",
}
NOT_NEEDED = {"en": "na", "fr": "so", "es": "no_aplica", "bn": "প্রযোজ্য নয়"}
# The Spanish form was widened in 2010.
V1_UNTIL = {"es": date(2009, 12, 31)}
V1_LACKS = frozenset({"case.is_retrafficked", "case.primary_language", "case.secondary_language"})
LEVELS = ("individual", "household", "community")
DECIDED_BY = {"police": "police", "ngo": "ngo", "court": "court_or_prosecution"}
FACTORS = ("discrimination", "poverty", "abuse_physical", "migration", "education",
           "mental_health")  # fmt: skip
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
    lists["consent_guardian"] = lists["answer"] | {"not_needed": NOT_NEEDED[language]}
    if language in SCOPES:
        scopes = ("research", "assistance", "data_sharing", "none")
        lists["consent_scope"] = dict(zip(scopes, SCOPES[language].split(), strict=True))
    for number, name in enumerate(("sexual_form", "online_platform", "referral_reason",
                                   "organisation_type", "perpetrator_role",
                                   "vulnerability_factor", "trafficking_status")):  # fmt: skip
        english = standard.value_names(name)
        lists[name] = english if language == "en" else standard.numbered(name, "tlmopvs"[number])
    lists["vulnerability_factor"] = {f: lists["vulnerability_factor"][f] for f in FACTORS}
    lists["language"] = languages.names("bn") if language == "bn" else languages.alpha3()
    if language == "fr":
        lists["language"] = languages.alpha2()
    return lists


def further(language: str) -> tuple[list[Column], tuple[str, ...]]:
    """The columns of the questions that not every form asks, and the levels of its risks."""
    head = dict(pair.split("=") for pair in FURTHER[language].split())
    said: list[Column] = []

    def add(name: str, field: str, fill: Fill, codes: str = "", group: str = "") -> None:
        if name in head:
            said.append(Column(head[name], fill, field, codes, group=group))

    def several(name: str, field: str, codes: str, pick: Pick, group: str = "") -> None:
        if name in head:
            placed = any(column.field == field for column in said)
            said.append(listing(head[name], field, codes, pick, group, placed=placed))

    def one(name: str, field: str, attribute: str, codes: str) -> None:
        add(name, field, of(field, attribute, codes), codes)

    def grouped(name: str, group: str, field: str, write: str, codes: str = "") -> None:
        table, _, attribute = field.partition(".")
        place = DECIDED_BY.get(group, group)
        add(name, field, in_group(table, place, attribute, write, codes), codes, place)
        if write == "list" and name in head:
            said[-1] = replace(said[-1], many=True)

    band, then = "case.children_band", "case.age_band_when_trafficked"
    add("children", band, number_of(band, "children"))
    one("language", "case.primary_language", "primary_language", "language")
    one("language2", "case.secondary_language", "secondary_language", "language")
    add("residence", "case.country_of_residence",
        country_of("case.country_of_residence", "residence"), "countries")  # fmt: skip
    add("age_then", then, number_of(then, "age_when"))
    several("sexual_form", "sexual_exploitation.sexual_exploitation_form", "sexual_form",
            lambda case: case.sexual_forms)  # fmt: skip
    for name, purpose in (("recruit_apps", "recruitment"), ("exploit_apps", "exploitation")):
        several(name, "online_platform.platform", "online_platform", platforms_of(purpose),
                purpose)  # fmt: skip
    add("recruit_country", "recruitment.country",
        country_of("recruitment.country", "recruitment_country"), "countries")  # fmt: skip
    for level in LEVELS:
        several(level, "vulnerability.factor", "vulnerability_factor", factors_chosen(level),
                level)  # fmt: skip
    grouped("referred_on", "incoming", "referral.referred_on", "day")
    grouped("reason", "incoming", "referral.reason", "code", "referral_reason")
    grouped("organisation", "incoming", "referral.organisation_type", "code",
            "organisation_type")  # fmt: skip
    grouped("org_country", "incoming", "referral.organisation_country", "country", "countries")
    for by in DECIDED_BY:
        grouped(by, by, "screening.decision", "code", "trafficking_status")
        grouped(f"{by}_on", by, "screening.decided_on", "day")
    for place in ("1", "2"):
        grouped("role" + place, place, "perpetrator.role", "list", "perpetrator_role")
        grouped("gender" + place, place, "perpetrator.gender", "code", "gender")
        grouped("age" + place, place, "perpetrator.age_band", "number")
    return said, tuple(level for level in LEVELS if level in head)


def build(mission: Mission) -> Form:
    """The form of a mission that interviews with the survey tool."""
    language = mission.form.rpartition("_")[2]
    head = dict(zip(KEYS, HEADERS[language].split(), strict=True))
    basis = mission.variation.basis or BASIS.get(language, "last_exploitation")
    head["country"] = COUNTRY_HEADERS.get(language, {}).get(basis, head["country"])

    def several(key_: str, name: str, codes: str, pick: Pick) -> Column:
        return listing(head[key_], name, codes, pick)

    def single(key_: str, name: str, attribute: str, codes: str) -> Column:
        return Column(head[key_], of(name, attribute, codes), name, codes)

    service = "assistance.service_type"
    asked_further, levels = further(language)
    fields = {column.field for column in asked_further}
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
        Column(head["citizenship"], citizenship_list, "citizenship.citizenship", "countries",
               many=language != "bn"),
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
        listing(head["received"], service, "service_type", services("provided"), "provided"),
        listing(head["needed"], service, "service_type", services("needed"), "needed",
                placed=True),
        single("status", "case.case_status", "status", "case_status"),
        *asked_further,
        Column(head["consent"], consent, codes="consent", role="consent"),
        *consenting.columns(**CONSENT[language]),
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
        factor_items=tuple((factor, level) for level in levels for factor in FACTORS),
        flat_referrals=True,
        decided_by=tuple(DECIDED_BY.values()) if "screening.decision" in fields else (),
        perpetrator_places=2 if "perpetrator.role" in fields else 0,
        services_flat=STATUSES,
        v1_until=V1_UNTIL.get(language),
        v1_lacks=V1_LACKS if language in V1_UNTIL else frozenset(),
        control_v1_lacks=frozenset({"debt_bondage"}) if language in V1_UNTIL else frozenset(),
        joiner=" ",
        number_style={"en": "{index:04d}-{yy:02d}", "fr": "C{index:05d}",
                      "es": "{yy:02d}{index:05d}", "bn": "BD/{index:04d}"}[language],
        age_kind="years",
        digits="০১২৩৪৫৬৭৮৯" if language == "bn" else "",
    )  # fmt: skip
